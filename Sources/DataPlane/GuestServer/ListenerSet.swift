import Logging
import NIOCore
import Synchronization

/// Which listener of a server, for as long as the process lives.
public struct ListenerID: Sendable, Hashable {
  let number: UInt64
}

/// A server's listeners. They come and go while it runs.
///
/// A listener is accepting, then closed with its connections draining, then gone. Whoever is first
/// to take it out of the set closes it, so each descriptor is closed once.
public final class ListenerSet: Sendable {
  private enum Phase: Sendable {
    case accepting
    case closed
  }

  private struct State {
    var phase = Phase.accepting
    var listeners: [ListenerID: GuestListener] = [:]
    var lastNumber: UInt64 = 0
  }

  private let state = Mutex(State())
  private let shared: SharedResources
  private let group: any EventLoopGroup
  private let loops: EventLoopResources
  private let drainTimeout: Duration
  private let logger: Logger

  init(
    shared: SharedResources, group: any EventLoopGroup, drainTimeout: Duration, logger: Logger
  ) {
    self.shared = shared
    self.group = group
    self.drainTimeout = drainTimeout
    self.logger = logger
    loops = EventLoopResources(group: group, shared: shared)
  }

  /// Opens a listener; guests are served once the server runs. It ends with ``remove(_:)`` or with
  /// the server.
  /// - Parameters:
  ///   - configuration: Its `fileDescriptor`, if it has one, is closed here in any case: with the
  ///     listener, or because there is none.
  ///   - onLost: Called where the listener closes by itself. It still has to be removed.
  ///   - links: Says what the kernel knows of the way to a guest, in the listener's namespace; nil
  ///     where nobody does. It is let go of with the listener's last connection.
  /// - Throws: ``ListenError``, also where the server is ending.
  public func add(
    _ configuration: ListenerConfiguration, onLost: @escaping @Sendable () -> Void = {},
    links: LinkLookup? = nil
  ) async throws(ListenError) -> ListenerID {
    try await open(configuration, onLost: onLost, links: links).id
  }

  func open(
    _ configuration: ListenerConfiguration, onLost: @escaping @Sendable () -> Void,
    links: LinkLookup? = nil
  ) async throws(ListenError) -> GuestListener {
    let id = state.withLock { state -> ListenerID? in
      guard case .accepting = state.phase else { return nil }
      state.lastNumber += 1
      return ListenerID(number: state.lastNumber)
    }
    guard let id else {
      configuration.closeDescriptor()
      throw ListenError(configuration, reason: "the server is ending")
    }
    shared.ledger.open(id)
    let listener: GuestListener
    do {
      listener = try await GuestListener.open(
        configuration, id: id, group: group, loops: loops, links: links, logger: logger)
    } catch {
      shared.ledger.forget(id)
      throw error
    }
    let isKept = state.withLock { state in
      guard case .accepting = state.phase else { return false }
      state.listeners[id] = listener
      return true
    }
    guard isKept else {
      // Its connections are drained with the server's.
      try? await listener.channel.close().get()
      throw ListenError(configuration, reason: "the server is ending")
    }
    listener.channel.closeFuture.whenComplete { [self] _ in
      if state.withLock({ $0.listeners[id] != nil }) { onLost() }
    }
    return listener
  }

  /// Closes a listener: nothing more is accepted, connections without a request end, and those with
  /// one have as long as in a graceful shutdown. Returns when the last of them is closed.
  ///
  /// Where the task is cancelled the rest is left to the end of the server.
  public func remove(_ id: ListenerID) async {
    guard let listener = state.withLock({ $0.listeners.removeValue(forKey: id) }) else { return }
    await listener.close()
    let channels = shared.ledger.drain(id)
    for channel in channels {
      channel.pipeline.fireUserInboundEventTriggered(ShutdownEvent(isListenerGone: true))
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.shared.ledger.waitUntilEmpty(id) }
      group.addTask { try? await Task.sleep(for: self.drainTimeout) }
      await group.next()
      group.cancelAll()
    }
    guard !Task.isCancelled else { return }
    await closeLate(shared.ledger.channels(of: id), of: listener.configuration)
    shared.ledger.forget(id)
  }

  private func closeLate(_ late: [any Channel], of configuration: ListenerConfiguration) async {
    guard !late.isEmpty else { return }
    logger.warning(
      "connections are closed without their answers",
      metadata: ["listener": "\(configuration)", "connections": "\(late.count)"])
    for channel in late { try? await channel.close().get() }
  }

  /// Closes all listeners, and takes no more. Their connections are not touched; those that were
  /// accepted last are entered when it returns.
  func close() async {
    let listeners = state.withLock { state in
      state.phase = .closed
      defer { state.listeners = [:] }
      return Array(state.listeners.values)
    }
    for listener in listeners { await listener.close() }
  }
}
