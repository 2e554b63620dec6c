import Inventory
import Testing

@testable import GuestServer

@Suite("Accounts in their places")
struct AccountTableTests {
  /// A table by reference, for expectations that change it.
  private final class Table {
    var value: AccountTable

    init(maximum: Int = .max) { value = AccountTable(maximum: maximum) }

    func place(of guest: GuestAccounts.Guest, now: Int) -> Int? {
      value.place(of: guest, now: now)
    }

    /// Where guests are that have a connection from now on.
    func enter(_ guests: [GuestAccounts.Guest]) throws -> [Int] {
      try guests.map { guest in
        let place = try #require(self.place(of: guest, now: 0))
        value[place].connections = 1
        return place
      }
    }
  }

  private static func guest(_ number: Int, on network: String? = nil) -> GuestAccounts.Guest {
    GuestAccounts.Guest(
      network: network.flatMap { NetworkID($0) }, address: .v4(UInt32(number)), salt: 7)
  }

  @Test("guests with one key have accounts of their own, and keep them while others come and go")
  func oneKey() throws {
    let table = Table()
    let guests = [nil, "a", "b"].map { Self.guest(1, on: $0) }
    #expect(Set(guests.map(\.key)).count == 1)
    let places = try table.enter(guests)
    #expect(Set(places).count == 3)
    for number in 2..<5000 { _ = table.place(of: Self.guest(number), now: number * 10) }
    #expect(table.value.count < 2000, "the others are forgotten")
    #expect(guests.map { table.place(of: $0, now: 50_000) } == places)
  }

  @Test("however many there are, each is found where it was")
  func growth() throws {
    let table = Table()
    let guests = (0..<20_000).map { Self.guest($0) }
    let places = try table.enter(guests)
    #expect(Set(places).count == guests.count)
    #expect(table.value.count == guests.count)
    #expect(guests.map { table.place(of: $0, now: 60_000) } == places)
  }

  @Test("what a guest that is forgotten had is not the next one's")
  func nobodys() throws {
    let table = Table(maximum: 2)
    let places = try table.enter([Self.guest(1), Self.guest(2)])
    #expect(table.place(of: Self.guest(3), now: 0) == nil)
    table.value[places[0]].connections = 0
    table.value[places[0]].heldBytes = 9
    #expect(table.place(of: Self.guest(3), now: 999) == nil, "it was looked through just now")
    let place = try #require(table.place(of: Self.guest(3), now: 1000))
    #expect(place == places[0])
    #expect(table.value[place].heldBytes == 0)
    #expect(table.place(of: Self.guest(2), now: 1000) == places[1])
  }
}
