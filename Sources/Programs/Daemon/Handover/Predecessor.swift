import ControlServer
import Foundation
import HostNetwork
import Logging
import ServiceLifecycle

/// The daemon that runs on the same state directory, and makes way for this one.
///
/// It accepts guests' connections until this one is prepared to, and goes on where this one ends
/// before that. Where it ends first, this one has all it needs.
final class Predecessor: Service {
  /// The open file of the store's lock; nil where the other daemon ended before it gave it.
  let lock: Int32?
  let listeners: InheritedListeners
  /// To be told once nothing can fail any more that has not to wait.
  let isPrepared = Occurrence()
  /// It accepts no more and never writes again.
  let hasReleased = Occurrence()
  /// It has ended.
  let isGone = Occurrence()
  private let connection: FileConnection
  private let logger: Logger

  private init(
    _ connection: FileConnection, lock: Int32?, listeners: [ListeningSocket], logger: Logger
  ) {
    self.connection = connection
    self.lock = lock
    self.listeners = InheritedListeners(listeners)
    self.logger = logger
  }

  /// Has the daemon of a state directory hand over what it has.
  /// - Returns: Nil where none runs there.
  static func find(in stateDirectory: String, logger: Logger) async throws -> Predecessor? {
    let path = HandoverWord.path(in: stateDirectory)
    guard let connection = try FileConnection.connect(to: path) else {
      logger.notice("no daemon runs on this state directory; there is nothing to take over")
      return nil
    }
    guard connection.user == geteuid() || connection.user == 0 else {
      throw ConfigurationError(
        "\(path): another user's program listens there (process \(connection.process)); end it")
    }
    logger.notice("taking over", metadata: ["from": "process \(connection.process)"])
    try? await connection.say(.takeOver)
    var lock: Int32?
    var listeners: [ListeningSocket] = []
    hearing: while let (word, files) = try await connection.hear() {
      switch word {
      case .lock where lock == nil && files.count == 1: lock = files.first
      case .listeners:
        for file in files {
          if let socket = ListeningSocket(descriptor: file) {
            listeners.append(socket)
          } else {
            close(file)
          }
        }
      case .complete: break hearing
      default: for file in files { close(file) }
      }
    }
    return Predecessor(connection, lock: lock, listeners: listeners, logger: logger)
  }

  /// Tells it when this daemon is prepared, and follows it to its end.
  func run() async throws {
    await cancelWhenGracefulShutdown {
      await self.isPrepared.wait()
      guard !Task.isCancelled else { return }
      try? await self.connection.say(.prepared)
      while let (word, files) = try? await self.connection.hear() {
        for file in files { close(file) }
        guard word == .released else { continue }
        self.logger.notice(
          "took over", metadata: ["from": "process \(self.connection.process)"])
        self.hasReleased.happen()
      }
    }
    hasReleased.happen()
    isGone.happen()
  }

  /// When operators may be listened to.
  func succession(of network: ControlNetwork?, onPrepared: @escaping @Sendable () -> Void)
    -> ControlSuccession
  {
    let isTaken = network.map { listeners.have($0.address, port: $0.port) } ?? false
    return ControlSuccession(
      onPrepared: onPrepared, socketIsFree: hasReleased.wait,
      networkIsFree: isTaken ? isGone.wait : nil)
  }
}
