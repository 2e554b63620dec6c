import Glibc
import Inventory
import MetadataService

/// Heads of requests that were read before, and what they ask: all guests of one image send the same
/// few dozen, byte for byte, and reading one takes as long as half of the rest of a request.
///
/// A head is found again by all of its bytes, so that it cannot be taken for another. Each has one place
/// that it may be at; what is sent a second time takes it over.
struct KnownHeads {
  /// What was read out of a head that nothing follows.
  final class Head {
    fileprivate let bytes: [UInt8]
    let question: Question
    let keepsAlive: Bool
    let isHTTP10: Bool

    fileprivate init(_ bytes: [UInt8], _ question: Question, _ request: RequestParser.Request) {
      self.bytes = bytes
      self.question = question
      keepsAlive = request.keepsAlive
      isHTTP10 = request.isHTTP10
    }
  }

  /// What the boots of some images ask. A power of two.
  private static let places = 512
  /// Longer than any head of a boot's, also with a session token.
  private static let maximumBytes = 512

  private var heads = [Head?](repeating: nil, count: places)
  private var read = RecentHashes(places: places)
  private var destinations = Destinations()
  /// Something random, so that nobody can choose whose places are his.
  private let salt = UInt64.random(in: .min ... .max)

  /// The head that some bytes are, no more and no less.
  func head(_ bytes: Span<UInt8>) -> Head? {
    guard bytes.count <= KnownHeads.maximumBytes else { return nil }
    guard let head = heads[place(of: hash(bytes))], bytes.equals(head.bytes) else { return nil }
    return head
  }

  /// What a request asks that was just read.
  /// - Parameter bytes: Its head, where there is nothing else of it.
  mutating func question(of request: RequestParser.Request, head bytes: Span<UInt8>?) -> Question {
    let question = Question(
      method: request.method, target: request.target, fields: request.fields,
      destination: destinations.destination(of: request.target))
    if let bytes, bytes.count <= KnownHeads.maximumBytes {
      let hash = hash(bytes)
      if read.isSeenAgain(hash) {
        heads[place(of: hash)] = Head(bytes.bytes(in: 0..<bytes.count), question, request)
      }
    }
    return question
  }

  private func hash(_ bytes: Span<UInt8>) -> UInt64 { ByteHash.of(bytes, salt: salt) }

  private func place(of hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash) & (KnownHeads.places - 1)
  }
}

extension Span<UInt8> {
  fileprivate func equals(_ bytes: [UInt8]) -> Bool {
    guard count == bytes.count else { return false }
    return unsafe withUnsafeBytes { own in
      unsafe bytes.withUnsafeBytes { other in
        guard let own = own.baseAddress, let other = other.baseAddress else { return true }
        return unsafe memcmp(own, other, count) == 0
      }
    }
  }
}
