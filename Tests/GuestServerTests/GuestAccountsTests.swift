import Inventory
import MetadataService
import Testing

@testable import GuestServer

@Suite("Guests' accounts")
struct GuestAccountsTests {
  static let limits = ConnectionLimits(connectionsPerGuest: 8, connections: 40)
  static let rates = RateLimits(
    guestRequests: Rate(perSecond: 10, burst: 16), guestBytes: Rate(perSecond: 1000, burst: 4000),
    requests: Rate(perSecond: 1000, burst: 1000), bytes: Rate(perSecond: 10_000, burst: 20_000))

  /// Accounts by reference, for expectations that change them.
  private final class Accounts {
    var value: GuestAccounts

    init(limits: ConnectionLimits = limits, rates: RateLimits = rates) {
      value = GuestAccounts(limits: limits, rates: rates)
    }

    func open(_ guest: GuestAccounts.Guest, isKnown: Bool, now: Int) -> (
      GuestAccounts.Payer, GuestAccounts.Admission
    ) { value.open(guest, isKnown: isKnown, now: now) }

    func close(_ payer: GuestAccounts.Payer, after admission: GuestAccounts.Admission) {
      value.close(payer, after: admission)
    }

    func ask(_ payer: GuestAccounts.Payer, now: Int) -> Refusal? { value.ask(payer, now: now) }

    func hold(_ count: Int, insteadOf previous: Int, of payer: GuestAccounts.Payer) -> Bool {
      value.hold(count, insteadOf: previous, of: payer)
    }

    /// Opens a connection and says who pays for it.
    func payer(_ number: Int, isKnown: Bool, now: Int = 0) -> GuestAccounts.Payer {
      value.open(GuestAccountsTests.guest(number), isKnown: isKnown, now: now).0
    }
  }

  private static func guest(_ number: Int, _ network: String? = nil) -> GuestAccounts.Guest {
    GuestAccounts.Guest(
      network: network.flatMap { NetworkID($0) }, address: .v4(UInt32(0x0A00_0000 + number)))
  }

  // MARK: Connections

  @Test("a guest has so many connections, a stranger a quarter of that; others are not concerned")
  func connections() {
    let accounts = Accounts()
    for (isKnown, most) in [(true, 8), (false, 2)] {
      let guest = Self.guest(isKnown ? 1 : 2)
      for _ in 0..<most {
        #expect(accounts.open(guest, isKnown: isKnown, now: 0).1 == .admitted)
      }
      for _ in 0..<GuestAccounts.maximumTurnedAwayPerGuest {
        #expect(accounts.open(guest, isKnown: isKnown, now: 10_000).1 == .turnedAway)
      }
      #expect(accounts.open(guest, isKnown: isKnown, now: 20_000).1 == .dropped)
    }
    #expect(accounts.open(Self.guest(1, "a"), isKnown: true, now: 0).1 == .admitted)
    #expect(accounts.open(Self.guest(3), isKnown: false, now: 0).1 == .admitted)
  }

  @Test("strangers together have a quarter of all connections, so the known always find one")
  func strangersTogether() {
    let accounts = Accounts()
    let admitted = (0..<100).count {
      accounts.open(Self.guest($0), isKnown: false, now: 0).1 == .admitted
    }
    #expect(admitted == 10)
    for number in 200..<230 {
      #expect(accounts.open(Self.guest(number), isKnown: true, now: 0).1 == .admitted)
    }
    #expect(accounts.open(Self.guest(999), isKnown: true, now: 0).1 != .admitted)
  }

  @Test("a connection that is closed makes room")
  func closing() {
    let accounts = Accounts()
    var seats: [(GuestAccounts.Payer, GuestAccounts.Admission)] = []
    for _ in 0..<12 { seats.append(accounts.open(Self.guest(1), isKnown: true, now: 0)) }
    for (payer, admission) in seats { accounts.close(payer, after: admission) }
    #expect(accounts.value.connections == 0)
    for _ in 0..<8 { #expect(accounts.open(Self.guest(1), isKnown: true, now: 0).1 == .admitted) }
  }

  @Test("who opens connections without end is dropped at once, until the rate allows more")
  func openingRate() {
    let accounts = Accounts()
    for _ in 0..<32 {
      let (payer, admission) = accounts.open(Self.guest(1), isKnown: true, now: 0)
      #expect(admission == .admitted)
      accounts.close(payer, after: admission)
    }
    #expect(accounts.open(Self.guest(1), isKnown: true, now: 0).1 == .dropped)
    #expect(accounts.open(Self.guest(1), isKnown: true, now: 50).1 == .admitted)
  }

  // MARK: Requests

  @Test("a guest's requests are 429 past its burst, with the time to wait, and its own alone")
  func requests() {
    let accounts = Accounts()
    let (one, other) = (
      accounts.payer(1, isKnown: true), accounts.payer(2, isKnown: true)
    )
    for _ in 0..<16 { #expect(accounts.ask(one, now: 0) == nil) }
    #expect(accounts.ask(one, now: 0) == .tooManyRequests(retryAfterSeconds: 1))
    #expect(accounts.ask(other, now: 0) == nil)
    #expect(accounts.ask(one, now: 100) == nil)
    #expect(accounts.ask(one, now: 100) == .tooManyRequests(retryAfterSeconds: 1))
  }

  @Test("more connections are no more requests")
  func sharedBudget() {
    let accounts = Accounts()
    for _ in 0..<4 {
      let payer = accounts.payer(1, isKnown: true)
      for _ in 0..<4 { #expect(accounts.ask(payer, now: 0) == nil) }
    }
    #expect(accounts.ask(accounts.payer(1, isKnown: true), now: 0) != nil)
  }

  @Test("a stranger has an eighth of a guest's requests")
  func strangerRequests() {
    let accounts = Accounts()
    let payer = accounts.payer(1, isKnown: false)
    #expect(accounts.ask(payer, now: 0) == nil)
    #expect(accounts.ask(payer, now: 0) == nil)
    #expect(accounts.ask(payer, now: 0) == .tooManyRequests(retryAfterSeconds: 1))
  }

  @Test("strangers together use up their own share of all requests, not that of the known")
  func strangersShare() {
    let accounts = Accounts()
    var answered = 0
    for number in 0..<500 {
      let (payer, admission) = accounts.open(Self.guest(number), isKnown: false, now: 0)
      if accounts.ask(payer, now: 0) == nil { answered += 1 }
      accounts.close(payer, after: admission)
    }
    #expect(answered == 125)
    #expect(accounts.ask(accounts.payer(9000, isKnown: true), now: 0) == nil)
  }

  @Test("all guests together have so many requests")
  func allRequests() {
    let accounts = Accounts()
    let answered = (0..<40).reduce(0) { sum, number in
      let (payer, admission) = accounts.open(Self.guest(number % 100), isKnown: true, now: 0)
      defer { accounts.close(payer, after: admission) }
      return sum + (0..<16).count { _ in accounts.ask(payer, now: 0) == nil }
    }
    #expect(answered == 640)
    let tight = Accounts(rates: RateLimits(requests: Rate(perSecond: 5, burst: 5)))
    let payer = tight.payer(1, isKnown: true)
    for _ in 0..<5 { #expect(tight.ask(payer, now: 0) == nil) }
    #expect(tight.ask(payer, now: 0) == .tooManyRequests(retryAfterSeconds: 1))
  }

  // MARK: Bytes

  @Test("large answers are paid for afterwards: what is too much is earned before the next")
  func bytes() {
    let accounts = Accounts()
    let (one, other) = (
      accounts.payer(1, isKnown: true), accounts.payer(2, isKnown: true)
    )
    #expect(accounts.ask(one, now: 0) == nil)
    accounts.value.charge(8000, to: one, now: 0)
    #expect(accounts.ask(one, now: 0) == .tooManyBytes(retryAfterSeconds: 5))
    #expect(accounts.ask(one, now: 4000) == .tooManyBytes(retryAfterSeconds: 1))
    #expect(accounts.ask(other, now: 4000) == nil)
    #expect(accounts.ask(one, now: 4001) == nil)
  }

  // MARK: Memory

  @Test("a guest's buffers are bounded over all its connections")
  func heldPerGuest() {
    let accounts = Accounts()
    let (one, other) = (
      accounts.payer(1, isKnown: true), accounts.payer(2, isKnown: true)
    )
    let most = Limits.maximumHeldBytesPerGuest
    #expect(accounts.hold(most, insteadOf: 0, of: one))
    #expect(!accounts.hold(1, insteadOf: 0, of: one))
    #expect(accounts.hold(most, insteadOf: 0, of: other))
    #expect(accounts.hold(0, insteadOf: 1, of: one))
    #expect(accounts.value.heldBytes == 2 * most)
  }

  @Test("where all together keep too much, only who has much pays for it")
  func heldInAll() {
    let accounts = Accounts(limits: ConnectionLimits(connections: 100_000))
    let each = Limits.maximumHeldBytesPerGuest
    for number in 0..<(Limits.maximumHeldBytes / each) {
      #expect(accounts.hold(each, insteadOf: 0, of: accounts.payer(number, isKnown: true)))
    }
    let (one, other) = (
      accounts.payer(9001, isKnown: true), accounts.payer(9002, isKnown: true)
    )
    #expect(accounts.hold(Limits.heldBytesOfAnyConnection, insteadOf: 0, of: one))
    #expect(!accounts.hold(Limits.heldBytesOfAnyConnection + 1, insteadOf: 0, of: other))
  }

  // MARK: Forgetting

  @Test("a scan of addresses is bounded in memory, evicts nobody and gives nobody a fresh budget")
  func scan() {
    let accounts = Accounts(
      rates: RateLimits(
        guestRequests: Rate(perSecond: 8, burst: 16),
        requests: Rate(perSecond: 1_000_000, burst: 1_000_000)))
    let guest = accounts.payer(1_000_000, isKnown: true)
    for _ in 0..<16 { #expect(accounts.ask(guest, now: 0) == nil) }
    let first = accounts.payer(0, isKnown: false)
    while accounts.ask(first, now: 0) == nil {}
    for number in 1..<(Limits.maximumStrangerAccounts + 500) {
      let (payer, admission) = accounts.open(Self.guest(number), isKnown: false, now: 0)
      _ = accounts.ask(payer, now: 0)
      accounts.close(payer, after: admission)
    }
    #expect(accounts.value.count <= Limits.maximumStrangerAccounts + 1)
    #expect(accounts.ask(guest, now: 0) != nil, "a known guest's budget is remembered")
    #expect(accounts.ask(first, now: 0) != nil, "a stranger's budget is remembered")
    let late = accounts.payer(500_000, isKnown: false)
    #expect(late == .crowd)
    #expect(accounts.ask(late, now: 0) != nil, "the crowd has one budget")
    #expect(accounts.open(Self.guest(2_000_000), isKnown: true, now: 0).0 != .crowd)
  }

  @Test("who rests is forgotten")
  func forgetting() {
    let accounts = Accounts()
    for number in 0..<Limits.maximumStrangerAccounts {
      let (payer, admission) = accounts.open(Self.guest(number), isKnown: false, now: 0)
      accounts.close(payer, after: admission)
    }
    #expect(accounts.value.count == Limits.maximumStrangerAccounts)
    #expect(accounts.payer(999_999, isKnown: false, now: 60_000) != .crowd)
    #expect(accounts.value.count == 1)
  }

  @Test("while those who rest are forgotten, whoever is connected keeps an account of its own")
  func forgettingSome() {
    let accounts = Accounts(limits: ConnectionLimits(connections: 100_000))
    let connected = (0..<600).map { accounts.payer($0, isKnown: true) }
    for number in 600..<1024 {
      let (payer, admission) = accounts.open(Self.guest(number), isKnown: true, now: 0)
      accounts.close(payer, after: admission)
    }
    #expect(accounts.value.count == 1024)
    let newcomers = (2000..<3000).map { accounts.payer($0, isKnown: true, now: 60_000) }
    #expect(accounts.value.count == 1600)
    #expect(Set(connected + newcomers).count == 1600)
    #expect((0..<600).map { accounts.payer($0, isKnown: true, now: 60_000) } == connected)
  }
}
