import Foundation
import HostNetwork

/// What two daemons of one state directory say to each other while one takes the other's place, in
/// the order in which it is said. The connection's end says the rest: whoever is there goes on alone.
enum HandoverWord: String {
  /// The successor asks. The number changes with the meaning of the words.
  case takeOver = "take over 1"
  /// The predecessor refuses writes from now on; with the open file of the store's lock.
  case lock
  /// With sockets that listen for guests.
  case listeners
  case complete
  /// The successor has loaded the store, and nothing of it can fail any more.
  case prepared
  /// The predecessor accepts no more, and never writes again.
  case released

  /// Where the predecessor listens.
  static func path(in stateDirectory: String) -> String { stateDirectory + "/takeover.sock" }
}

extension FileConnection {
  func say(_ word: HandoverWord, files: [Int32] = []) async throws {
    try await send(word.rawValue, files: files)
  }

  /// The next word and its files; nil at the end, and where it is no word.
  func hear() async throws -> (word: HandoverWord, files: [Int32])? {
    guard let message = try await receive() else { return nil }
    guard let word = HandoverWord(rawValue: message.text) else {
      for file in message.files { close(file) }
      return nil
    }
    return (word, message.files)
  }
}
