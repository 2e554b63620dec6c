import Inventory
import MetadataService

/// What each guest has and uses: connections, requests, bytes, memory. A plain value; the clock is
/// milliseconds that do not go back.
///
/// Known guests and strangers have tables of their own. That of the known is bounded by what is
/// declared. That of strangers is bounded by number, and nobody is put out of it for another: who
/// comes when it is full shares one account with all who come so. However many addresses a
/// scan has, no guest loses what it has been given, and none gets a fresh budget by being forgotten.
struct GuestAccounts: Sendable {
  /// Who holds connections: networks may use the same addresses.
  struct Guest: Hashable, Sendable {
    /// Stands for the guest in tables that are looked at with each connection or request, where hashing
    /// its network would cost too much; never 0.
    let key: UInt64
    let address: IPAddress
    let network: NetworkID?

    /// - Parameter salt: ``salt(of:)`` of the network.
    init(network: NetworkID?, address: IPAddress, salt: UInt64) {
      let (upper, lower) = address.halves
      key = max(1, ByteHash.mix(ByteHash.mix(salt, upper), lower))
      self.address = address
      self.network = network
    }

    init(network: NetworkID?, address: IPAddress) {
      self.init(network: network, address: address, salt: Guest.salt(of: network))
    }

    /// Tells a network's keys from those of others, and this process' from those of the next one: nobody
    /// can choose addresses whose keys meet.
    static func salt(of network: NetworkID?) -> UInt64 {
      UInt64(bitPattern: Int64(network.hashValue))
    }

    func hash(into hasher: inout Hasher) { hasher.combine(key) }
  }

  /// Who pays for a connection, for as long as it lasts: where the account stands, which has no one
  /// else's place while a connection of its guest is open.
  enum Payer: Hashable, Sendable {
    case known(Int)
    case stranger(Int)
    /// The strangers that found their table full.
    case crowd

    var isKnown: Bool { if case .known = self { true } else { false } }
  }

  enum Admission: Sendable, Hashable {
    case admitted
    /// To be told that there are too many, and closed.
    case turnedAway
    /// To be closed without a word: that is cheaper.
    case dropped
  }

  /// What one guest has and uses.
  struct Account: Sendable {
    var connections = 0
    var turnedAway = 0
    var heldBytes = 0
    var opened = TokenBucket()
    var requests = TokenBucket()
    var bytes = TokenBucket()

    /// Whether nothing would be lost by forgetting it.
    func isIdle(now: Int) -> Bool {
      connections == 0 && turnedAway == 0 && opened.isFull(now: now) && requests.isFull(now: now)
        && bytes.isFull(now: now)
    }
  }

  /// Connections that are being told that they are too many, in all and of one guest; beyond
  /// these, silence is cheaper.
  static let maximumTurnedAway = 64
  static let maximumTurnedAwayPerGuest = 4

  private let limits: ConnectionLimits
  private let rates: RateLimits
  private var known = AccountTable(maximum: .max)
  private var strangers = AccountTable(maximum: Limits.maximumStrangerAccounts)
  private var crowd = Account()
  private var requests = TokenBucket()
  private var strangersRequests = TokenBucket()
  private var bytes = TokenBucket()
  private(set) var connections = 0
  private var strangersConnections = 0
  private var turnedAway = 0
  private(set) var heldBytes = 0

  init(limits: ConnectionLimits, rates: RateLimits) {
    self.limits = limits
    self.rates = rates
  }

  /// The addresses that have an account.
  var count: Int { known.count + strangers.count }

  // MARK: Connections

  /// Opens a connection of a guest.
  /// - Parameter isKnown: Whether somebody has declared the address.
  /// - Returns: What becomes of it; what is not dropped must be closed by ``close(_:after:)``.
  mutating func open(_ guest: Guest, isKnown: Bool, now: Int) -> (Payer, Admission) {
    let payer = payer(for: guest, isKnown: isKnown, now: now)
    let opening = isKnown ? rates.guestConnections : rates.strangerConnections
    let share = isKnown ? 1 : Limits.strangerConnectionShare
    let isWithinShare =
      isKnown || strangersConnections < max(1, limits.connections / share)
    let mayOpen = connections < limits.connections && isWithinShare
    let mayBeTold = turnedAway < GuestAccounts.maximumTurnedAway
    let most = max(1, limits.connectionsPerGuest / share)
    let admission = change(payer) { account -> Admission in
      guard account.opened.wait(at: opening, now: now) == 0 else { return .dropped }
      account.opened.take(at: opening, now: now)
      if mayOpen, account.connections < most {
        account.connections += 1
        return .admitted
      }
      guard mayBeTold, account.turnedAway < GuestAccounts.maximumTurnedAwayPerGuest else {
        return .dropped
      }
      account.turnedAway += 1
      return .turnedAway
    }
    switch admission {
    case .admitted:
      connections += 1
      if !isKnown { strangersConnections += 1 }
    case .turnedAway: turnedAway += 1
    case .dropped: break
    }
    return (payer, admission)
  }

  mutating func close(_ payer: Payer, after admission: Admission) {
    switch admission {
    case .admitted:
      connections -= 1
      if !payer.isKnown { strangersConnections -= 1 }
      change(payer) { $0.connections -= 1 }
    case .turnedAway:
      turnedAway -= 1
      change(payer) { $0.turnedAway -= 1 }
    case .dropped: break
    }
  }

  // MARK: Requests

  /// Takes a request's price.
  /// - Returns: Why it is not to be answered now, or nil.
  mutating func ask(_ payer: Payer, now: Int) -> Refusal? {
    let own = payer.isKnown ? rates.guestRequests : rates.strangerRequests
    let all = max(
      requests.wait(at: rates.requests, now: now),
      payer.isKnown ? 0 : strangersRequests.wait(at: rates.allStrangersRequests, now: now))
    let allBytes = bytes.wait(at: rates.bytes, now: now)
    let guestBytes = rates.guestBytes
    let refusal = change(payer) { account -> Refusal? in
      let forRequests = max(account.requests.wait(at: own, now: now), all)
      guard forRequests == 0 else {
        return .tooManyRequests(retryAfterSeconds: GuestAccounts.seconds(forRequests))
      }
      let forBytes = max(account.bytes.wait(at: guestBytes, now: now), allBytes)
      guard forBytes == 0 else {
        return .tooManyBytes(retryAfterSeconds: GuestAccounts.seconds(forBytes))
      }
      account.requests.take(at: own, now: now)
      return nil
    }
    guard refusal == nil else { return refusal }
    requests.take(at: rates.requests, now: now)
    if !payer.isKnown { strangersRequests.take(at: rates.allStrangersRequests, now: now) }
    return nil
  }

  /// Takes the price of a large answer. It is known only when the answer is: what goes beyond the
  /// budget has to be earned before the next request is answered.
  mutating func charge(_ count: Int, to payer: Payer, now: Int) {
    let guestBytes = rates.guestBytes
    change(payer) { $0.bytes.take(count, at: guestBytes, now: now) }
    bytes.take(count, at: rates.bytes, now: now)
  }

  /// Notes that a connection's buffers have grown or shrunk.
  /// - Returns: Whether it may have so much; else it has to be closed.
  mutating func hold(_ count: Int, insteadOf previous: Int, of payer: Payer) -> Bool {
    heldBytes += count - previous
    let held = change(payer) { account in
      account.heldBytes += count - previous
      return account.heldBytes
    }
    guard count > previous else { return true }
    // Where all together have too much, who has little does not pay for it.
    return held <= Limits.maximumHeldBytesPerGuest
      && (heldBytes <= Limits.maximumHeldBytes || count <= Limits.heldBytesOfAnyConnection)
  }

  /// Whole seconds for Retry-After; a client that comes sooner waits the rest.
  private static func seconds(_ milliseconds: Int) -> Int { max(1, (milliseconds + 999) / 1000) }

  // MARK: Tables

  private mutating func payer(for guest: Guest, isKnown: Bool, now: Int) -> Payer {
    if isKnown {
      // There is always room: no more of them are known than are declared.
      return known.place(of: guest, now: now).map { .known($0) } ?? .crowd
    }
    return strangers.place(of: guest, now: now).map { .stranger($0) } ?? .crowd
  }

  /// Changes an account where it is kept.
  private mutating func change<Result>(_ payer: Payer, _ body: (inout Account) -> Result) -> Result
  {
    switch payer {
    case .known(let place): body(&known[place])
    case .stranger(let place): body(&strangers[place])
    case .crowd: body(&crowd)
    }
  }
}
