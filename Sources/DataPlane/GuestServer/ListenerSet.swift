import Logging
import Synchronization

/// Which listener of a server.
public struct ListenerID: Sendable, Hashable {
  /// No other listener of the server has it, before or after.
  let number: UInt64
  /// Where the ledger has it, as long as it is there.
  let place: Int
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
    /// Those of them that closed by themselves.
    var lost: Set<ListenerID> = []

    mutating func take(_ id: ListenerID) -> GuestListener? {
      lost.remove(id)
      return listeners.removeValue(forKey: id)
    }
  }

  private let state = Mutex(State())
  private let shared: SharedResources
  private let loops: GuestLoops
  private let drainTimeout: Duration
  private let logger: Logger

  init(shared: SharedResources, loops: GuestLoops, drainTimeout: Duration, logger: Logger) {
    self.shared = shared
    self.loops = loops
    self.drainTimeout = drainTimeout
    self.logger = logger
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
    guard case .accepting = state.withLock({ $0.phase }) else {
      configuration.closeDescriptor()
      throw ListenError(configuration, reason: "the server is ending")
    }
    let id = shared.ledger.addListener()
    let listener: GuestListener
    do {
      listener = try await GuestListener.open(
        configuration, id: id, loops: loops, shared: shared, links: links, logger: logger,
        onLost: { [weak self] in self?.lose(id, onLost) })
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
      await listener.close()
      throw ListenError(configuration, reason: "the server is ending")
    }
    return listener
  }

  /// Tells of a listener that is of no more use, but that nobody has removed.
  private func lose(_ id: ListenerID, _ onLost: @Sendable () -> Void) {
    let isNews = state.withLock { $0.listeners[id] != nil && $0.lost.insert(id).inserted }
    if isNews { onLost() }
  }

  /// Closes a listener: nothing more is accepted, connections without a request end, and those with
  /// one have as long as in a graceful shutdown. Returns when the last of them is closed.
  ///
  /// Where the task is cancelled the rest is left to the end of the server.
  public func remove(_ id: ListenerID) async {
    guard let listener = state.withLock({ $0.take(id) }) else { return }
    await listener.close()
    shared.ledger.drain(id)
    await loops.perform { $0.drain(id, isListenerGone: true, &$1) }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.shared.ledger.waitUntilEmpty(id) }
      group.addTask { try? await Task.sleep(for: self.drainTimeout) }
      await group.next()
      group.cancelAll()
    }
    guard !Task.isCancelled else { return }
    let late = shared.ledger.open(of: id)
    if late > 0 {
      logger.warning(
        "connections are closed without their answers",
        metadata: ["listener": "\(listener.configuration)", "connections": "\(late)"])
      await loops.perform { $0.closeConnections(of: id, &$1) }
    }
    shared.ledger.forget(id)
  }

  /// Closes all listeners, and takes no more. Their connections are not touched.
  public func close() async {
    let listeners = state.withLock { state in
      state.phase = .closed
      defer { state.listeners = [:] }
      return Array(state.listeners.values)
    }
    for listener in listeners { await listener.close() }
  }
}
