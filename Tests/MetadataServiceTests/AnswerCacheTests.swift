import Inventory
import MetadataService
import OrderedCollections
import TestKit
import Testing

@Suite("Kept answers")
struct AnswerCacheTests {
  static func instance(_ hostname: String) -> String {
    """
    {"kind": "Instance", "id": "00000000-0000-4000-8000-000000000001",
     "hostname": "\(hostname)", "interfaces": [{"network": "a", "address": "10.0.0.5"}]}
    """
  }

  @Test("a change of the catalogue is seen by the next request")
  func changes() async throws {
    let fixture = try await ServiceFixture([Self.instance("old")])
    for _ in 0..<3 {
      let answer = await fixture.ask("/latest/meta-data/hostname", from: "10.0.0.5")
      #expect(String(decoding: answer.body, as: UTF8.self) == "old.novalocal")
    }
    try await fixture.declare([Self.instance("new")])
    let answer = await fixture.ask("/latest/meta-data/hostname", from: "10.0.0.5")
    #expect(String(decoding: answer.body, as: UTF8.self) == "new.novalocal")
  }

  /// What a kept answer follows from, and a path that shows it.
  struct Source: Sendable {
    var path: String
    var change: String
    var before: String
    var after: String
  }

  @Test(
    "whatever an answer follows from, the next request sees it changed",
    arguments: [
      Source(
        path: "/openstack/latest/network_data.json",
        change:
          #"{"kind": "Network", "id": "a", "mtu": 1400, "subnets": [{"cidr": "10.0.0.0/24"}]}"#,
        before: #""mtu": 1300"#, after: #""mtu": 1400"#),
      Source(
        path: "/latest/meta-data/public-keys/0/openssh-key",
        change: #"{"kind": "KeyPair", "project": "p", "name": "k", "publicKey": "ssh-rsa BBBB"}"#,
        before: "AAAA", after: "BBBB"),
      Source(
        path: "/latest/meta-data/tags/instance/role",
        change:
          #"{"kind": "Project", "id": "p", "metadataOptions": {"instanceMetadataTags": "disabled"}}"#,
        before: "web", after: "404 Not Found"),
    ])
  func sources(source: Source) async throws {
    let me = """
      {"kind": "Instance", "id": "00000000-0000-4000-8000-000000000001", "project": "p",
       "hostname": "h", "keys": ["k"], "tags": {"role": "web"},
       "interfaces": [{"network": "a", "mac": "fa:16:3e:00:00:01", "address": "10.0.0.5"}]}
      """
    let fixture = try await ServiceFixture([
      #"{"kind": "Network", "id": "a", "mtu": 1300, "subnets": [{"cidr": "10.0.0.0/24"}]}"#,
      #"{"kind": "KeyPair", "project": "p", "name": "k", "publicKey": "ssh-rsa AAAA"}"#,
      #"{"kind": "Project", "id": "p", "metadataOptions": {"instanceMetadataTags": "enabled"}}"#,
      me,
    ])
    // As in the daemon: changes are applied one by one, nothing is read anew.
    let changes = try await fixture.store.changes(after: fixture.catalog.revision)
    for _ in 0..<3 {
      let answer = await fixture.ask(source.path, from: "10.0.0.5")
      #expect(String(decoding: answer.body, as: UTF8.self).contains(source.before))
    }
    let changed = try Resource(reading: try JSONValue(parsing: source.change))
    try await fixture.store.commit([.put(changed)], now: 0, dryRun: false)
    for await batch in changes {
      fixture.catalog.apply(batch)
      break
    }
    let answer = await fixture.ask(source.path, from: "10.0.0.5")
    #expect(String(decoding: answer.body, as: UTF8.self).contains(source.after))
  }

  @Test("an address that another instance has now gets the other's answers")
  func moved() async throws {
    let fixture = try await ServiceFixture([Self.instance("one")])
    let path = "/latest/meta-data/hostname"
    for _ in 0..<3 { _ = await fixture.ask(path, from: "10.0.0.5") }
    let one = Self.instance("one").replacing("10.0.0.5", with: "10.0.0.9")
    let two = Examples.instance(2, interfaces: #"[{"network": "a", "address": "10.0.0.5"}]"#)
    let records = try [one, two].map {
      Record(
        resource: try Resource(reading: try JSONValue(parsing: $0)), revision: 9,
        createdAtSeconds: 0)
    }
    fixture.catalog.apply(ChangeBatch(revision: 9, changes: records.map(Change.put)))
    let answer = await fixture.ask(path, from: "10.0.0.5")
    #expect(String(decoding: answer.body, as: UTF8.self) == "h2.novalocal")
  }

  @Test("the same path from another address or network is another's answer")
  func callers() async throws {
    let other = Examples.instance(2, interfaces: #"[{"network": "b", "address": "10.0.0.5"}]"#)
    let third = Examples.instance(3, interfaces: #"[{"network": "a", "address": "10.0.0.6"}]"#)
    let fixture = try await ServiceFixture([Self.instance("one"), other, third])
    for _ in 0..<3 {
      for (source, network, hostname) in [
        ("10.0.0.5", "a", "one"), ("10.0.0.5", "b", "h2"), ("10.0.0.6", "a", "h3"),
      ] {
        let answer = await fixture.ask("/latest/meta-data/hostname", from: source, network: network)
        #expect(String(decoding: answer.body, as: UTF8.self) == "\(hostname).novalocal")
      }
    }
  }

  @Test("with more to keep than there are places, everybody still gets his own answer")
  func crowd() async throws {
    let guests = 1...400
    let fixture = try await ServiceFixture(
      guests.map {
        Examples.instance(
          $0, interfaces: #"[{"network": "a", "address": "10.1.\#($0 / 250).\#($0 % 250 + 1)"}]"#)
      })
    // 20,000 targets, each of which is asked for until it may be kept, in an order that takes places over.
    for round in 0..<2 {
      for query in 0..<50 {
        for guest in guests {
          let answer = await fixture.ask(
            "/latest/meta-data/hostname?\(query)", from: "10.1.\(guest / 250).\(guest % 250 + 1)")
          guard answer.body != Array("h\(guest).novalocal".utf8) else { continue }
          Issue.record("round \(round): guest \(guest) got another's answer")
        }
      }
    }
  }

  @Test("every meta_data.json has a seed of its own and is otherwise the same")
  func seeds() async throws {
    let fixture = try await ServiceFixture([Self.instance("one")])
    var seeds: Set<String> = []
    var rest: Set<JSONValue> = []
    for _ in 0..<5 {
      let answer = await fixture.ask("/openstack/latest/meta_data.json", from: "10.0.0.5")
      guard case .object(var members) = try JSONValue(parsing: answer.body) else { continue }
      seeds.insert(members.removeValue(forKey: "random_seed")?.string ?? "")
      rest.insert(.object(members))
    }
    #expect(seeds.count == 5)
    #expect(seeds.allSatisfy { Base64.decode($0)?.count == 512 })
    #expect(rest.count == 1)
  }

  @Test("a kept answer is not an answer to a method that the path does not take")
  func methods() async throws {
    let fixture = try await ServiceFixture([Self.instance("one")])
    let path = "/latest/meta-data/hostname"
    for _ in 0..<2 { #expect(await fixture.ask(path, from: "10.0.0.5").status == 200) }
    #expect(await fixture.ask(path, from: "10.0.0.5", method: .post).status == 405)
    #expect(await fixture.ask(path, from: "10.0.0.5", method: .head).status == 200)
  }
}
