import Dialects
import Inventory
import Testing

/// What holds for every listing of every guest.
@Suite("Listings")
struct ListingTests {
  static let guests = ["web-01", "minimal", "pw", "web-1", "v6", "bare", "many"]

  /// The fixtures' instances, and some of unusual make.
  static func world() throws -> World {
    let odd = """
      kind: Instance
      id: 11111111-0000-4000-8000-000000000001
      hostname: v6
      availabilityZone: eu-test-1b
      interfaces:
      - {network: six, mac: "fa:16:3e:00:00:01", addresses: [{ip: "2001:db8:6::5"}]}
      ---
      kind: Network
      id: six
      subnets: [{cidr: "2001:db8:6::/64", gateway: "2001:db8:6::1"}]
      ---
      kind: Instance
      id: 11111111-0000-4000-8000-000000000002
      hostname: bare
      ---
      kind: Instance
      id: 11111111-0000-4000-8000-000000000003
      hostname: many
      userData: ""
      metadataOptions: {instanceMetadataTags: enabled}
      tags: {"a b": one, "z=": two, "ü": three, "aws:x": four}
      blockDevices: [{virtual: "e b", device: vdb}]
      keys:
      - {name: "0=x", publicKey: "ssh-rsa AAAA a"}
      - {name: "ünïcode key", publicKey: "ssh-rsa BBBB b"}
      interfaces:
      - {network: a, mac: "fa:16:3e:00:00:02"}
      - {network: b, mac: "fa:16:3e:00:00:02"}
      - {network: b, mac: "FA:16:3E:00:00:0A"}
      """
    return World(
      try Fixture.resources("manifest.yaml") + Fixture.resources("clients-manifest.yaml")
        + Fixture.resources(yaml: odd))
  }

  /// Every path that can be reached from the root by what is listed.
  static func walk(_ hostname: String, from root: [String]) throws -> [([String], MetadataNode)] {
    let world = try world()
    let view = try world.view(hostname)
    var found: [([String], MetadataNode)] = []
    var pending = [root]
    while let path = pending.popLast() {
      let node = try #require(
        try world.node(RequestTarget(segments: path), view), "\(hostname): \(path) is listed")
      found.append((path, node))
      if case .listing(let entries) = node { pending += entries.map { path + [$0.segment] } }
    }
    return found
  }

  @Test("every listed name answers", arguments: guests, [[], ["openstack"]])
  func namesAnswer(_ hostname: String, _ root: [String]) throws {
    let found = try ListingTests.walk(hostname, from: root)
    #expect(found.count > (root.isEmpty ? 150 : 30))
  }

  @Test("a line ends in a slash where a directory is, save for keys", arguments: guests)
  func slashes(_ hostname: String) throws {
    let found = try ListingTests.walk(hostname, from: [])
    let directories = Set(
      found.compactMap { path, node in if case .listing = node { path } else { nil } })
    for (path, node) in found {
      guard case .listing(let entries) = node, !path.isEmpty, path.last != "public-keys" else {
        continue
      }
      for entry in entries {
        let isDirectory = directories.contains(path + [entry.segment])
        #expect(entry.listed.string == entry.segment + (isDirectory ? "/" : ""), "\(path)")
      }
    }
  }

  @Test("EC2's lines are sorted by bytes, each there once, none empty", arguments: guests)
  func sorting(_ hostname: String) throws {
    for (path, node) in try ListingTests.walk(hostname, from: []) where !path.isEmpty {
      guard case .listing(let entries) = node else { continue }
      let lines = entries.map { Array($0.listed.utf8) }
      #expect(lines == lines.sorted { $0.lexicographicallyPrecedes($1) }, "\(path)")
      #expect(Set(lines).count == lines.count, "\(path)")
      #expect(!lines.contains([]) && !lines.isEmpty, "\(path)")
    }
  }

  @Test("a leaf has no line break of ours at its end", arguments: guests)
  func noLineBreaks(_ hostname: String) throws {
    let declared: Set = ["openssh-key", "user-data", "user_data"]
    let found =
      try ListingTests.walk(hostname, from: [])
      + ListingTests.walk(
        hostname, from: ["openstack"])
    for (path, node) in found where !declared.contains(path.last ?? "") {
      #expect(node.document.bytes.last != UInt8(ascii: "\n"), "\(path)")
    }
  }

  @Test("nothing stands below a leaf", arguments: guests)
  func nothingBelowLeaves(_ hostname: String) throws {
    let world = try ListingTests.world()
    let view = try world.view(hostname)
    for (path, node) in try ListingTests.walk(hostname, from: []) {
      if case .listing = node { continue }
      let below = try world.node(RequestTarget(segments: path + ["x"]), view)
      #expect(below.map(\.document) == nil, "\(path)")
    }
  }
}
