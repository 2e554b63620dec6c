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

  @Test("the same path from another address or network is another's answer")
  func callers() async throws {
    let other = Examples.instance(2, interfaces: #"[{"network": "b", "address": "10.0.0.5"}]"#)
    let third = Examples.instance(3, interfaces: #"[{"network": "a", "address": "10.0.0.6"}]"#)
    let fixture = try await ServiceFixture([Self.instance("one"), other, third])
    for _ in 0..<2 {
      for (source, network, hostname) in [
        ("10.0.0.5", "a", "one"), ("10.0.0.5", "b", "h2"), ("10.0.0.6", "a", "h3"),
      ] {
        let answer = await fixture.ask("/latest/meta-data/hostname", from: source, network: network)
        #expect(String(decoding: answer.body, as: UTF8.self) == "\(hostname).novalocal")
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
    #expect(await fixture.ask(path, from: "10.0.0.5").status == 200)
    #expect(await fixture.ask(path, from: "10.0.0.5", method: .post).status == 405)
    #expect(await fixture.ask(path, from: "10.0.0.5", method: .head).status == 200)
  }
}
