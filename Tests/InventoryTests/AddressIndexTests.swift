import Testing

@testable import Inventory

@Suite("The index of addresses")
struct AddressIndexTests {
  /// Who has what, without an index.
  private struct Holding: Hashable {
    var address: IPAddress
    var network: NetworkID
    var instance: UInt32
  }

  @Test("it says what a list says, whatever is declared and taken away, twice or never")
  func likeAList() throws {
    let networks = try Self.networks(5)
    var (index, list) = (AddressIndex(), Set<Holding>())
    var random = SystemRandomNumberGenerator()
    for _ in 0..<5000 {
      let holding = Holding(
        address: .v4(UInt32.random(in: 1...4, using: &random)),
        network: networks[Int.random(in: 0..<networks.count, using: &random)],
        instance: UInt32.random(in: 0..<3, using: &random))
      if Bool.random(using: &random) {
        index.add(holding.address, on: holding.network, of: holding.instance)
        list.insert(holding)
      } else {
        index.remove(holding.address, on: holding.network, of: holding.instance)
        list.remove(holding)
      }
      let holders = list.filter { $0.address == holding.address }
      for network in networks.map(Optional.some) + [nil] {
        let matching = holders.filter { network == nil || $0.network == network }
        switch index.find(holding.address, on: network) {
        case .none: #expect(matching.isEmpty)
        case .one(let instance): #expect(matching.map(\.instance) == [instance])
        case .several: #expect(matching.count > 1)
        }
      }
      #expect(
        index.networks(having: holding.address, atMost: .max)
          == Set(holders.map(\.network)).sorted())
    }
  }

  @Test(
    "an address that very many networks have is found, and taken away, as fast as one that few have",
    .timeLimit(.minutes(1)))
  func overlapping() throws {
    // To look through the networks each time took many minutes here.
    let networks = try Self.networks(50_000)
    var index = AddressIndex()
    let address = IPAddress.v4(0x0A00_0005)
    for (number, network) in networks.enumerated() {
      index.add(address, on: network, of: UInt32(number))
    }
    for (number, network) in networks.enumerated() {
      guard case .one(UInt32(number)) = index.find(address, on: network),
        case .several = index.find(address, on: nil)
      else {
        Issue.record("\(network.text) has another's instance")
        continue
      }
    }
    #expect(index.networks(having: address, atMost: 8).count == 8)
    for (number, network) in networks.enumerated() {
      index.remove(address, on: network, of: UInt32(number))
    }
    guard case .none = index.find(address, on: nil) else {
      Issue.record("somebody still has the address")
      return
    }
  }

  private static func networks(_ count: Int) throws -> [NetworkID] {
    try (0..<count).map { try #require(NetworkID("net-\($0)")) }
  }
}
