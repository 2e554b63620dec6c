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

  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var admitted = 0
    var turnedAway = 0
    var byGuest: [Guest: Int] = [:]
    var isDraining = false
  }

  private let limits: ConnectionLimits
  private let state = Mutex(State())
  private let empty: AsyncStream<Never>
  private let emptied: AsyncStream<Never>.Continuation

  init(limits: ConnectionLimits) {
    self.limits = limits
    (empty, emptied) = AsyncStream.makeStream()
  }

  /// Enters a connection. What is not dropped must be released when it is gone.
  func admit(_ guest: Guest, _ channel: any Channel) -> Admission {
    state.withLock { state in
      guard !state.isDraining else { return .dropped }
      let own = state.byGuest[guest, default: 0]
      if state.admitted < limits.connections, own < limits.connectionsPerGuest {
        state.admitted += 1
        state.byGuest[guest] = own + 1
        state.channels[ObjectIdentifier(channel)] = channel
        return .admitted
      }
      guard state.turnedAway < ConnectionLedger.maximumTurnedAway else { return .dropped }
      state.turnedAway += 1
      state.channels[ObjectIdentifier(channel)] = channel
      return .turnedAway
    }
  }

  /// Takes out a connection that is gone.
  func release(_ guest: Guest, _ channel: any Channel, after admission: Admission) {
    let isEmptied = state.withLock { state in
      state.channels[ObjectIdentifier(channel)] = nil
      switch admission {
      case .admitted:
        state.admitted -= 1
        let own = state.byGuest[guest, default: 1]
        state.byGuest[guest] = own == 1 ? nil : own - 1
      case .turnedAway: state.turnedAway -= 1
      case .dropped: break
      }
      return state.isDraining && state.channels.isEmpty
    }
    if isEmptied { emptied.finish() }
  }

  /// Lets no connection in any more.
  /// - Returns: Those that are open, to be told.
  func drain() -> [any Channel] {
    let channels = state.withLock { state in
      state.isDraining = true
      return Array(state.channels.values)
    }
    if channels.isEmpty { emptied.finish() }
    return channels
  }

  /// The open connections.
  var channels: [any Channel] { state.withLock { Array($0.channels.values) } }

  /// Returns when the last connection has gone after ``drain()``, or the task is cancelled.
  func waitUntilEmpty() async {
    for await _ in empty {}
  }
}
