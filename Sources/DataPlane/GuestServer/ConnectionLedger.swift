public import Inventory
import MetadataService
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

/// Counts the open connections and what each guest uses, and says when the last one has gone.
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
  private final class Entry {
    let number: UInt64
    var open = 0
    var isDraining = false
    let empty: AsyncStream<Never>
    let emptied: AsyncStream<Never>.Continuation

    init(number: UInt64) {
      self.number = number
      (empty, emptied) = AsyncStream.makeStream()
    }
  }

  private struct State {
    /// By the listener's place.
    var entries: [Entry?] = []
    var lastNumber: UInt64 = 0
    var open = 0
    var accounts: GuestAccounts
    var isDraining = false

    /// Nil where the listener is forgotten, also where another has its place now.
    func entry(of listener: ListenerID) -> Entry? {
      guard entries.indices.contains(listener.place), let entry = entries[listener.place],
        entry.number == listener.number
      else { return nil }
      return entry
    }
  }

  private let state: Mutex<State>
  private let empty: AsyncStream<Never>
  private let emptied: AsyncStream<Never>.Continuation

  init(limits: ConnectionLimits, rates: RateLimits = RateLimits()) {
    state = Mutex(State(accounts: GuestAccounts(limits: limits, rates: rates)))
    (empty, emptied) = AsyncStream.makeStream()
  }

  /// Lets connections of a new listener in.
  func addListener() -> ListenerID {
    state.withLock { state in
      state.lastNumber += 1
      let entry = Entry(number: state.lastNumber)
      let place = state.entries.firstIndex { $0 == nil } ?? state.entries.count
      if place == state.entries.count {
        state.entries.append(entry)
      } else {
        state.entries[place] = entry
      }
      return ListenerID(number: entry.number, place: place)
    }
  }

  /// Has no such listener any more.
  func forget(_ listener: ListenerID) {
    state.withLock { state in
      // What is still open must stay known; it is then the server's end that closes it.
      guard state.entry(of: listener)?.open == 0 else { return }
      state.entries[listener.place] = nil
    }
  }

  /// Enters a connection. A seat that is taken must be released when it is gone.
  /// - Parameter isKnown: Whether somebody has declared the guest's address.
  func admit(_ guest: GuestAccounts.Guest, isKnown: Bool, by listener: ListenerID, now: Int)
    -> Seat
  {
    state.withLock { state in
      guard !state.isDraining, let entry = state.entry(of: listener), !entry.isDraining else {
        return .none
      }
      let (payer, admission) = state.accounts.open(guest, isKnown: isKnown, now: now)
      if admission != .dropped {
        entry.open += 1
        state.open += 1
      }
      return Seat(payer: payer, admission: admission)
    }
  }

  /// Takes out a connection that is gone.
  func release(_ seat: Seat, by listener: ListenerID) {
    let emptied = state.withLock { state in
      state.accounts.close(seat.payer, after: seat.admission)
      state.open -= 1
      var emptied: [AsyncStream<Never>.Continuation] = []
      if state.isDraining, state.open == 0 { emptied.append(self.emptied) }
      guard let entry = state.entry(of: listener) else { return emptied }
      entry.open -= 1
      if entry.isDraining, entry.open == 0 { emptied.append(entry.emptied) }
      return emptied
    }
    for continuation in emptied { continuation.finish() }
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

  /// Lets no connection in any more. Those that are open are to be told.
  func drain() {
    let isEmpty = state.withLock { state in
      state.isDraining = true
      return state.open == 0
    }
    if isEmpty { emptied.finish() }
  }

  /// Lets no connection in by a listener any more. Those that are open are to be told.
  func drain(_ listener: ListenerID) {
    let emptied = state.withLock { state -> AsyncStream<Never>.Continuation? in
      guard let entry = state.entry(of: listener) else { return nil }
      entry.isDraining = true
      return entry.open == 0 ? entry.emptied : nil
    }
    emptied?.finish()
  }

  /// How many connections are open.
  var open: Int { state.withLock { $0.open } }

  /// How many connections that came in by a listener are open.
  func open(of listener: ListenerID) -> Int { state.withLock { $0.entry(of: listener)?.open ?? 0 } }

  /// Returns when the last connection has gone after ``drain()``, or the task is cancelled.
  func waitUntilEmpty() async {
    for await _ in empty {}
  }

  /// Returns when a listener's last connection has gone after ``drain(_:)``, or the task is
  /// cancelled.
  func waitUntilEmpty(_ listener: ListenerID) async {
    guard let empty = state.withLock({ $0.entry(of: listener)?.empty }) else { return }
    for await _ in empty {}
  }
}
