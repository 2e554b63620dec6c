public import Inventory
import NIOCore
import Synchronization

/// How many connections and waiting requests there may be.
public struct ConnectionLimits: Sendable, Hashable {
  /// Connections of one source address on one network.
  public var connectionsPerGuest: Int
  /// Connections of all guests.
  public var connections: Int
  /// Requests that wait for a record, a store or vendor data.
  public var pendingRequests: Int

  public init(
    connectionsPerGuest: Int = Limits.maximumConnectionsPerGuest,
    connections: Int = Limits.maximumConnections,
    pendingRequests: Int = Limits.maximumPendingRequests
  ) {
    self.connectionsPerGuest = connectionsPerGuest
    self.connections = connections
    self.pendingRequests = pendingRequests
  }
}

/// Counts the open connections and knows them, so that all can be told to end.
final class ConnectionLedger: Sendable {
  /// Who holds connections: networks may use the same addresses.
  struct Guest: Hashable, Sendable {
    let network: NetworkID?
    let address: IPAddress
  }

  enum Admission: Sendable, Hashable {
    case admitted
    /// To be told that there are too many, and closed.
    case turnedAway
    /// To be closed without a word: the server stops, or too many are being turned away.
    case dropped
  }

  /// Connections that are being told that they are too many; beyond these, silence is cheaper.
  static let maximumTurnedAway = 64

  /// The connections that came in by one listener.
  private struct Entrance {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var isDraining = false
    let empty: AsyncStream<Never>
    let emptied: AsyncStream<Never>.Continuation

    init() { (empty, emptied) = AsyncStream.makeStream() }
  }

  private struct State {
    var entrances: [ListenerID: Entrance] = [:]
    var open = 0
    var admitted = 0
    var turnedAway = 0
    var byGuest: [Guest: Int] = [:]
    var isDraining = false

    var channels: [any Channel] { entrances.values.flatMap { $0.channels.values } }

    mutating func enter(_ channel: any Channel, by listener: ListenerID) {
      entrances[listener]?.channels[ObjectIdentifier(channel)] = channel
      open += 1
    }

    /// - Returns: What to finish where it was the last one of a listener that is gone.
    mutating func leave(_ channel: any Channel, by listener: ListenerID)
      -> AsyncStream<Never>.Continuation?
    {
      let known = entrances[listener]?.channels.removeValue(forKey: ObjectIdentifier(channel))
      if known != nil { open -= 1 }
      guard let entrance = entrances[listener], entrance.isDraining, entrance.channels.isEmpty
      else { return nil }
      return entrance.emptied
    }
  }

  private let limits: ConnectionLimits
  private let state = Mutex(State())
  private let empty: AsyncStream<Never>
  private let emptied: AsyncStream<Never>.Continuation

  init(limits: ConnectionLimits) {
    self.limits = limits
    (empty, emptied) = AsyncStream.makeStream()
  }

  /// Lets connections of a listener in.
  func open(_ listener: ListenerID) {
    state.withLock { state in
      if state.entrances[listener] == nil { state.entrances[listener] = Entrance() }
    }
  }

  /// Has no listener of that number any more.
  func forget(_ listener: ListenerID) {
    state.withLock { state in
      // What is still open must stay known; it is then the server's end that closes it.
      guard state.entrances[listener]?.channels.isEmpty == true else { return }
      state.entrances[listener] = nil
    }
  }

  /// Enters a connection. What is not dropped must be released when it is gone.
  func admit(_ guest: Guest, _ channel: any Channel, by listener: ListenerID) -> Admission {
    state.withLock { state in
      guard !state.isDraining, state.entrances[listener]?.isDraining == false else {
        return .dropped
      }
      let own = state.byGuest[guest, default: 0]
      if state.admitted < limits.connections, own < limits.connectionsPerGuest {
        state.admitted += 1
        state.byGuest[guest] = own + 1
        state.enter(channel, by: listener)
        return .admitted
      }
      guard state.turnedAway < ConnectionLedger.maximumTurnedAway else { return .dropped }
      state.turnedAway += 1
      state.enter(channel, by: listener)
      return .turnedAway
    }
  }

  /// Takes out a connection that is gone.
  func release(
    _ guest: Guest, _ channel: any Channel, by listener: ListenerID, after admission: Admission
  ) {
    let (isEmptied, entrance) = state.withLock { state in
      switch admission {
      case .admitted:
        state.admitted -= 1
        let own = state.byGuest[guest, default: 1]
        state.byGuest[guest] = own == 1 ? nil : own - 1
      case .turnedAway: state.turnedAway -= 1
      case .dropped: break
      }
      let entrance = state.leave(channel, by: listener)
      return (state.isDraining && state.open == 0, entrance)
    }
    if isEmptied { emptied.finish() }
    entrance?.finish()
  }

  /// Lets no connection in any more.
  /// - Returns: Those that are open, to be told.
  func drain() -> [any Channel] {
    let channels = state.withLock { state in
      state.isDraining = true
      return state.channels
    }
    if channels.isEmpty { emptied.finish() }
    return channels
  }

  /// Lets no connection in by a listener any more.
  /// - Returns: Those that are open, to be told.
  func drain(_ listener: ListenerID) -> [any Channel] {
    let (channels, emptied) = state.withLock { state in
      state.entrances[listener]?.isDraining = true
      let entrance = state.entrances[listener]
      return (Array(entrance?.channels.values ?? [:].values), entrance?.emptied)
    }
    if channels.isEmpty { emptied?.finish() }
    return channels
  }

  /// The open connections.
  var channels: [any Channel] { state.withLock { $0.channels } }

  /// The open connections that came in by a listener.
  func channels(of listener: ListenerID) -> [any Channel] {
    state.withLock { Array($0.entrances[listener]?.channels.values ?? [:].values) }
  }

  /// Returns when the last connection has gone after ``drain()``, or the task is cancelled.
  func waitUntilEmpty() async {
    for await _ in empty {}
  }

  /// Returns when a listener's last connection has gone after ``drain(_:)``, or the task is
  /// cancelled.
  func waitUntilEmpty(_ listener: ListenerID) async {
    guard let empty = state.withLock({ $0.entrances[listener]?.empty }) else { return }
    for await _ in empty {}
  }
}
