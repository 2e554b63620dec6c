import HostNetwork
import Inventory
import Testing

@testable import Daemon

@Suite("Which sockets are opened and closed in namespaces")
struct NamespaceSlotsTests {
  typealias Slots = NamespaceSlots<Int>

  static func identity(_ number: UInt64) -> NamespaceIdentity {
    NamespaceIdentity(device: 4, inode: number)
  }

  static let network = NetworkID("net-a") ?? .default
  static let key = NamespaceKey(rule: 0, namespace: "a")

  static func wish(_ number: UInt64) -> [NamespaceKey: NamespaceWish] {
    [key: .listen(identity(number), network)]
  }

  /// Slots in which one socket listens in the namespace of that number.
  static func listening(in number: UInt64) -> Slots {
    var slots = Slots()
    _ = slots.handle(.wished(wish(number)))
    _ = slots.handle(.opened(key, token: 1, 100, identity(number)))
    return slots
  }

  @Test("a namespace that appears is listened in, and left when its name goes")
  func comesAndGoes() {
    var slots = Slots()
    #expect(!slots.isSettled)
    #expect(
      slots.handle(.wished(Self.wish(1)))
        == [.open(Self.key, token: 1, Self.identity(1), Self.network)])
    #expect(!slots.isSettled)
    #expect(slots.handle(.opened(Self.key, token: 1, 100, Self.identity(1))) == [])
    #expect(slots.isSettled)
    #expect(slots.handle(.wished(Self.wish(1))) == [])
    #expect(slots.handle(.wished([:])) == [.close(Self.key, 100)])
    #expect(slots.handle(.closed(Self.key)) == [])
    #expect(slots.slots.isEmpty)
  }

  @Test("a name that stands for another namespace is closed first, and opened when that is done")
  func replaced() {
    var slots = Self.listening(in: 1)
    #expect(slots.handle(.wished(Self.wish(2))) == [.close(Self.key, 100)])
    #expect(slots.handle(.wished(Self.wish(3))) == [])
    #expect(
      slots.handle(.closed(Self.key))
        == [.open(Self.key, token: 2, Self.identity(3), Self.network)])
  }

  @Test("a number that is used again while the old socket is closing is a new namespace")
  func numberUsedAgain() {
    var slots = Self.listening(in: 1)
    _ = slots.handle(.wished([:]))
    // The last connection has gone and with it the namespace; the new one has its number.
    #expect(slots.handle(.wished(Self.wish(1))) == [])
    #expect(
      slots.handle(.closed(Self.key))
        == [.open(Self.key, token: 2, Self.identity(1), Self.network)])
  }

  @Test("a socket that is opened when its name has changed already is closed again")
  func outrun() {
    for wishes in [Self.wish(2), [:]] {
      var slots = Slots()
      _ = slots.handle(.wished(Self.wish(1)))
      #expect(slots.handle(.wished(wishes)) == [])
      #expect(
        slots.handle(.opened(Self.key, token: 1, 100, Self.identity(1)))
          == [.close(Self.key, 100)])
    }
  }

  @Test("a failed opening is tried again at growing intervals; its reason is told once")
  func retries() {
    var slots = Slots()
    var actions = slots.handle(.wished(Self.wish(1)))
    var waits: [Int] = []
    var told: [String] = []
    for token in 1...9 {
      #expect(actions == [.open(Self.key, token: token, Self.identity(1), Self.network)])
      for action in slots.handle(.failed(Self.key, token: token, reason: "no 'e0'")) {
        if case .wait(_, token, let milliseconds) = action { waits.append(milliseconds) }
        if case .tell(_, let reason) = action { told.append(reason) }
      }
      #expect(slots.slots[Self.key]?.reason == "no 'e0'")
      actions = slots.handle(.retry(Self.key, token: token))
    }
    #expect(waits == [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000])
    #expect(told == ["no 'e0'"])
  }

  @Test("a wait is over where the name stands for another namespace; its timer is then void")
  func waitOutrun() {
    var slots = Slots()
    _ = slots.handle(.wished(Self.wish(1)))
    _ = slots.handle(.failed(Self.key, token: 1, reason: nil))
    #expect(
      slots.handle(.wished(Self.wish(2)))
        == [.open(Self.key, token: 2, Self.identity(2), Self.network)])
    #expect(slots.handle(.retry(Self.key, token: 1)) == [])
  }

  @Test("a failure after the name has changed is a new start, or the end")
  func failureOutrun() {
    var slots = Slots()
    _ = slots.handle(.wished(Self.wish(1)))
    _ = slots.handle(.wished(Self.wish(2)))
    #expect(
      slots.handle(.failed(Self.key, token: 1, reason: "x"))
        == [.open(Self.key, token: 2, Self.identity(2), Self.network)])
    _ = slots.handle(.wished([:]))
    #expect(slots.handle(.failed(Self.key, token: 2, reason: "x")) == [])
    #expect(slots.slots.isEmpty)
  }

  @Test("a socket that closes by itself is opened again, also where it closes at once")
  func lost() {
    var slots = Self.listening(in: 1)
    #expect(slots.handle(.lost(Self.key, token: 7)) == [])
    #expect(slots.handle(.lost(Self.key, token: 1)).first == .close(Self.key, 100))
    #expect(slots.handle(.closed(Self.key)).count == 1)
    _ = slots.handle(.lost(Self.key, token: 2))
    #expect(
      slots.handle(.opened(Self.key, token: 2, 101, Self.identity(1)))
        == [.close(Self.key, 101)])
  }

  @Test("so many are opened at a time; the others follow, unless they are gone by then")
  func bounded() {
    var slots = Slots()
    let keys = (0...(Slots.maximumOpenings + 1)).map {
      NamespaceKey(rule: $0, namespace: "a")
    }
    var wishes: [NamespaceKey: NamespaceWish] = [:]
    for key in keys { wishes[key] = .listen(Self.identity(1), Self.network) }
    #expect(slots.handle(.wished(wishes)).count == Slots.maximumOpenings)
    wishes[keys[Slots.maximumOpenings]] = nil
    #expect(slots.handle(.wished(wishes)) == [])
    #expect(
      slots.handle(.opened(keys[0], token: 1, 100, Self.identity(1))) == [
        .open(
          keys[Slots.maximumOpenings + 1], token: Slots.maximumOpenings + 1, Self.identity(1),
          Self.network)
      ])
  }
}

@Suite("Which sockets there should be in namespaces")
struct NamespacePlanTests {
  static func rule(_ netns: String, _ network: String? = nil, device: String? = nil) throws
    -> NamespaceRule
  {
    NamespaceRule(
      namespaces: try NamespacePattern(netns), address: .v4(0xA9FE_A9FE), port: 80,
      device: device, network: network.flatMap(NetworkID.init))
  }

  static func plan(_ rules: [NamespaceRule], _ names: [String: UInt64]) -> [String: String] {
    let scan = NamespaceScan(namespaces: names.mapValues(NamespaceSlotsTests.identity))
    return Dictionary(
      uniqueKeysWithValues: NamespacePlan.wishes(rules, scan).map { key, wish in
        switch wish {
        case .listen(let identity, let network):
          ("\(key.rule) \(key.namespace)", "\(network) in \(identity)")
        case .refused(_, let reason): ("\(key.rule) \(key.namespace)", reason)
        }
      })
  }

  @Test("each namespace that a rule is for has a socket, of the network that its name says")
  func matches() throws {
    let rules = [try Self.rule("ns-{network}"), try Self.rule("blue", "net-b")]
    #expect(
      Self.plan(rules, ["ns-net-a": 1, "blue": 2, "other": 3]) == [
        "0 ns-net-a": "net-a in net:[1]", "1 blue": "net-b in net:[2]",
      ])
  }

  @Test("of two rules for one namespace the first has it, unless they differ in the interface")
  func twoRules() throws {
    let rules = [try Self.rule("ns-x", "net-b"), try Self.rule("ns-{network}")]
    #expect(
      Self.plan(rules, ["ns-x": 1]) == [
        "0 ns-x": "net-b in net:[1]", "1 ns-x": "listeners[0] listens there already",
      ])
    let devices = [
      try Self.rule("ns-x", "net-a", device: "a"), try Self.rule("ns-x", "net-b", device: "b"),
    ]
    #expect(
      Self.plan(devices, ["ns-x": 1]) == [
        "0 ns-x": "net-a in net:[1]", "1 ns-x": "net-b in net:[1]",
      ])
  }

  @Test("a namespace that two names give to two networks is served for neither")
  func twoNames() throws {
    let sentence =
      "'ns-a' and 'ns-b' name one namespace for several networks; remove all names but one"
    #expect(
      Self.plan([try Self.rule("ns-{network}")], ["ns-a": 1, "ns-b": 1, "ns-c": 2])
        == ["0 ns-a": sentence, "0 ns-b": sentence, "0 ns-c": "c in net:[2]"])
    let same = [try Self.rule("one", "net-a"), try Self.rule("two", "net-a")]
    #expect(
      Self.plan(same, ["one": 1, "two": 1]) == [
        "0 one": "net-a in net:[1]",
        "1 two": "it is the same namespace as 'one', where one listens already",
      ])
  }
}
