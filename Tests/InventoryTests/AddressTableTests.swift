import Testing

@testable import Inventory

@Suite("The table of addresses")
struct AddressTableTests {
  @Test(
    "it says what a dictionary says, whatever is put in and taken out", arguments: [3, 40, 900])
  func likeADictionary(kinds: Int) {
    var (table, dictionary) = (AddressTable(), [IPAddress: AddressTable.Holder]())
    var random = SystemRandomNumberGenerator()
    for step in 0..<20_000 {
      let address = Self.address(Int.random(in: 0..<kinds, using: &random))
      if Int.random(in: 0..<3, using: &random) == 0 {
        table[address] = nil
        dictionary[address] = nil
      } else {
        let holder = AddressTable.Holder(network: UInt32(step), instance: UInt32(kinds))
        table[address] = holder
        dictionary[address] = holder
      }
      #expect(table[address] == dictionary[address])
    }
    for number in 0..<kinds {
      #expect(table[Self.address(number)] == dictionary[Self.address(number)], "\(number)")
    }
  }

  @Test("an IPv4 address is not the IPv6 address of the same number")
  func families() {
    var table = AddressTable()
    let holder = AddressTable.Holder(network: 0, instance: 0)
    table[.v4(0x0A00_0001)] = holder
    #expect(table[.v6(0, 0x0A00_0001)] == nil)
    table[.v6(0, 0)] = holder
    #expect(table[.v4(0)] == nil)
    #expect(table[.v6(0, 0)] == holder)
  }

  @Test("room that was made is used, and what is beyond it has room, too")
  func room() {
    var table = AddressTable()
    table.reserve(1000)
    let places = table.places
    for number in 0..<5000 {
      table[Self.address(number)] = AddressTable.Holder(network: 1, instance: UInt32(number))
      if number < 1000 { #expect(table.places == places) }
    }
    #expect((0..<5000).allSatisfy { table[Self.address($0)]?.instance == UInt32($0) })
    #expect(table[Self.address(5000)] == nil)
    let grown = table.places
    for number in 0..<5000 {
      table[Self.address(number)] = AddressTable.Holder(network: 2, instance: UInt32(number))
      table[Self.address(5000)] = AddressTable.Holder(network: 2, instance: 5000)
      table[Self.address(5000)] = nil
    }
    #expect(table.places == grown, "what is there again, or gone, takes no more room")
  }

  /// Of both families, near one another and not.
  private static func address(_ number: Int) -> IPAddress {
    number % 2 == 0
      ? .v4(0x0A00_0000 + UInt32(number)) : .v6(0xFE80 << 48, UInt64(number) << 32)
  }
}
