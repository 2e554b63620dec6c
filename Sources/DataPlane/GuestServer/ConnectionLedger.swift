public import Inventory
import MetadataService
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
  /// A connection's place among all.
  struct Seat: Sendable {
    let payer: GuestAccounts.Payer
    let admission: GuestAccounts.Admission

    /// That of a connection which is none.
    static let none = Seat(payer: .crowd, admission: .dropped)

    var isTaken: Bool { admission != .dropped }
  }

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
    var accounts: GuestAccounts
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

  private let state: Mutex<State>
  private let empty: AsyncStream<Never>
  private let emptied: AsyncStream<Never>.Continuation

  init(limits: ConnectionLimits, rates: RateLimits = RateLimits()) {
    state = Mutex(State(accounts: GuestAccounts(limits: limits, rates: rates)))
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

  /// Enters a connection. A seat that is taken must be released when it is gone.
  /// - Parameter isKnown: Whether somebody has declared the guest's address.
  func admit(
    _ guest: GuestAccounts.Guest, isKnown: Bool, _ channel: any Channel, by listener: ListenerID,
    now: Int
  ) -> Seat {
    state.withLock { state in
      guard !state.isDraining, state.entrances[listener]?.isDraining == false else { return .none }
      let (payer, admission) = state.accounts.open(guest, isKnown: isKnown, now: now)
      if admission != .dropped { state.enter(channel, by: listener) }
      return Seat(payer: payer, admission: admission)
    }
  }

  /// Takes out a connection that is gone.
  func release(_ seat: Seat, _ channel: any Channel, by listener: ListenerID) {
    let (isEmptied, entrance) = state.withLock { state in
      state.accounts.close(seat.payer, after: seat.admission)
      let entrance = state.leave(channel, by: listener)
      return (state.isDraining && state.open == 0, entrance)
    }
    if isEmptied { emptied.finish() }
    entrance?.finish()
  }

  // MARK: Budgets

  /// Takes a request's price.
  /// - Returns: Why it is not to be answered now, or nil.
  func ask(_ seat: Seat, now: Int) -> Refusal? {
    state.withLock { $0.accounts.ask(seat.payer, now: now) }
  }

  /// Takes the price of a large answer.
  func charge(_ count: Int, to seat: Seat, now: Int) {
    state.withLock { $0.accounts.charge(count, to: seat.payer, now: now) }
  }

  /// Notes that a connection's buffers have grown or shrunk.
  /// - Returns: Whether it may have so much; else it has to be closed.
  func hold(_ count: Int, insteadOf previous: Int, by seat: Seat) -> Bool {
    state.withLock { $0.accounts.hold(count, insteadOf: previous, of: seat.payer) }
  }

  /// What is used at the moment.
  var usage: GuestServer.Usage {
    state.withLock { state in
      GuestServer.Usage(
        connections: state.accounts.connections, heldBytes: state.accounts.heldBytes,
        addresses: state.accounts.count)
    }
  }

  // MARK: Ending

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
