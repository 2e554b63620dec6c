import Inventory
import Testing

@testable import GuestServer

@Suite("The ledger of connections")
struct ConnectionLedgerTests {
  private static let guest = GuestAccounts.Guest(network: nil, address: .v4(1))

  @Test("a listener that is gone lets nobody in, also where another has its place")
  func gone() {
    let ledger = ConnectionLedger(limits: ConnectionLimits())
    let first = ledger.addListener()
    ledger.forget(first)
    #expect(!ledger.admit(Self.guest, isKnown: true, by: first, now: 0).isTaken)
    let second = ledger.addListener()
    #expect(second.place == first.place)
    #expect(!ledger.admit(Self.guest, isKnown: true, by: first, now: 0).isTaken)
    #expect(ledger.admit(Self.guest, isKnown: true, by: second, now: 0).isTaken)
    #expect(ledger.open(of: first) == 0)
    #expect(ledger.open(of: second) == 1)
  }

  @Test("a listener is not forgotten while one of its connections is open")
  func open() {
    let ledger = ConnectionLedger(limits: ConnectionLimits())
    let first = ledger.addListener()
    let seat = ledger.admit(Self.guest, isKnown: true, by: first, now: 0)
    ledger.forget(first)
    let second = ledger.addListener()
    #expect(second.place != first.place)
    #expect(ledger.open(of: first) == 1)
    ledger.release(seat, by: first)
    #expect(ledger.open(of: first) == 0)
    #expect(ledger.open == 0)
    ledger.forget(first)
    #expect(ledger.addListener().place == first.place)
  }
}
