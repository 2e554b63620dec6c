import Glibc
import Logging
import NIOCore
import Synchronization

/// How many connections of a listener have been accepted and not been looked at yet, which happens
/// on another event loop.
final class AcceptedConnections: Sendable {
  private let count = Atomic<Int>(0)
  private let isOver = Atomic<Bool>(false)

  var isMany: Bool { count.load(ordering: .relaxed) >= AcceptGate.maximumUnseen }

  /// Whether no more are to be accepted.
  var areOver: Bool { isOver.load(ordering: .relaxed) }

  func end() { isOver.store(true, ordering: .relaxed) }

  /// Returns once all have been looked at, or the task is cancelled. To be called when no more are
  /// accepted.
  func allSeen() async {
    while count.load(ordering: .relaxed) > 0, !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(1))
    }
  }

  func accepted() { count.wrappingAdd(1, ordering: .relaxed) }
  func seen() { count.wrappingSubtract(1, ordering: .relaxed) }
}

/// Stops accepting for a moment where a flood comes faster than it is looked at, and where
/// accepting fails, as when the process has no file descriptors left, which it says.
///
/// What is accepted takes a descriptor before anybody can count it to a guest; a bound on these keeps
/// the reserve that operators and the store live from. The others stay in the kernel's queue.
///
/// After a failure, asking for the connection again at once would spin. NIO's own
/// AcceptBackoffHandler delays the next read, but after a failure the last one still counts as
/// pending, and the socket is polled on (swift-nio 2.101). Without automatic reading it is not.
final class AcceptGate: ChannelInboundHandler {
  typealias InboundIn = any Channel
  typealias InboundOut = any Channel

  static let pause = TimeAmount.milliseconds(250)
  /// No more is said within it.
  static let quietTime = TimeAmount.seconds(10)
  /// Two rounds of accepting.
  static let maximumUnseen = 32
  /// Looking at a connection takes some microseconds.
  private static let catchUpTime = TimeAmount.milliseconds(1)

  private let configuration: ListenerConfiguration
  private let connections: AcceptedConnections
  private let logger: Logger
  private var isPaused = false
  private var quietUntil: NIODeadline?

  init(
    configuration: ListenerConfiguration, connections: AcceptedConnections, logger: Logger
  ) {
    self.configuration = configuration
    self.connections = connections
    self.logger = logger
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    connections.accepted()
    if connections.isMany { pauseAccepting(context, for: AcceptGate.catchUpTime) }
    context.fireChannelRead(data)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A guest that was gone before it was accepted, or looked at, hinders nobody.
    guard let code = (error as? IOError)?.errnoCode, code != ECONNABORTED else { return }
    tell(of: error, code, context.eventLoop.now)
    pauseAccepting(context, for: AcceptGate.pause)
  }

  private func pauseAccepting(_ context: ChannelHandlerContext, for time: TimeAmount) {
    guard !isPaused else { return }
    isPaused = true
    setAccepting(false, context.channel)
    resume(context.channel, in: time)
  }

  /// Accepts again after a time, or later where the other loops have not caught up by then.
  private func resume(_ channel: any Channel, in time: TimeAmount) {
    channel.eventLoop.assumeIsolated().scheduleTask(in: time) {
      guard !self.connections.isMany else {
        self.resume(channel, in: AcceptGate.catchUpTime)
        return
      }
      self.isPaused = false
      self.setAccepting(true, channel)
    }
  }

  private func setAccepting(_ isAccepting: Bool, _ channel: any Channel) {
    guard !(isAccepting && connections.areOver) else { return }
    // It fails only on a channel that is closed.
    try? channel.syncOptions?.setOption(.autoRead, value: isAccepting)
  }

  private func tell(of error: any Error, _ code: CInt, _ now: NIODeadline) {
    if let quietUntil, now < quietUntil { return }
    quietUntil = now + AcceptGate.quietTime
    let isOutOfDescriptors = code == EMFILE || code == ENFILE
    logger.error(
      "cannot accept connections\(isOutOfDescriptors ? "; raise the limit on open files" : "")",
      metadata: ["listener": "\(configuration)", "error": "\(error)"])
  }
}
