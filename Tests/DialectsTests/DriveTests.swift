import Dialects
import Inventory
import OrderedCollections
import Testing

/// A file of a drive that Nova's own builder wrote.
private struct NovaFile: Sendable {
  let path: String
  let bytes: [UInt8]

  static func all() throws -> [NovaFile] {
    try Fixture.json("config-drive.json").array?.map { value in
      NovaFile(
        path: value["path"]?.string ?? "",
        bytes: value["body_base64"]?.string.flatMap(Base64.decode)
          ?? Array((value["body"]?.string ?? "").utf8))
    } ?? []
  }
}

/// A way in which a file of ours is meant to differ from Nova's.
private struct DriveDifference: Sendable {
  let reason: String
  let matches: @Sendable (_ nova: NovaFile, _ ours: JSONValue) -> Bool

  static let all = [
    DriveDifference(
      reason: "each of Nova's documents has a random seed of its own; ours is the instance's"
    ) { nova, ours in
      guard var expected = try? JSONValue(parsing: nova.bytes).object,
        expected["random_seed"] != nil,
        nova.path.hasSuffix("meta_data.json"), let seed = ours["random_seed"]?.string,
        Base64.decode(seed)?.count == 512
      else { return false }
      expected["random_seed"] = .string(seed)
      return JSONValue.object(expected).bytes == ours.bytes
    },
    DriveDifference(
      reason: "Nova leaves its own word _name among the keys; block devices stand as declared"
    ) { nova, ours in
      guard var expected = try? JSONValue(parsing: nova.bytes).object,
        nova.path.hasSuffix("meta-data.json"),
        let key = expected["public-keys"]?["0"]?["openssh-key"],
        let devices = ours["block-device-mapping"]?.object,
        let novas = expected["block-device-mapping"]?.object,
        devices.count == novas.count, devices.allSatisfy({ novas[$0.key] == $0.value })
      else { return false }
      expected["public-keys"] = ["0": ["openssh-key": key]]
      expected["block-device-mapping"] = .object(devices)
      return JSONValue.object(expected).bytes == ours.bytes
    },
  ]
}

@Suite("The files of a drive")
struct DriveTests {
  /// The recorded instance, with the files and the password that its drive was given.
  private func recorded() throws -> World {
    let resources = try Fixture.resources("manifest.yaml").map { resource in
      guard case .instance(let instance) = resource, instance.hostname == "web-01",
        case .object(var members) = resource.value
      else { return resource }
      members["adminPassword"] = "aB3dE5fG7hJ9"
      members["files"] = [
        ["path": "/etc/motd", "contentBase64": "aGVsbG8KAP8="],
        ["path": "/root/x.txt", "content": "text"],
      ]
      return try Inventory.Resource(reading: .object(members))
    }
    return World(
      resources,
      settings: RenderSettings(
        dhcpDomain: "novalocal", vendorData: try Fixture.json("vendor_data.json")))
  }

  private func files(
    _ layout: DriveLayout, _ hostname: String, in world: World
  ) throws -> [DriveFile] {
    try DriveContents.files(
      layout, for: world.input(world.view(hostname), DriveContents.needs(of: layout)))
  }

  private func texts(_ layout: DriveLayout, _ yaml: String) throws -> [String: String] {
    let world = try World(yaml: yaml)
    return Dictionary(
      uniqueKeysWithValues: try files(layout, "a", in: world).map {
        ($0.path, String(decoding: $0.bytes, as: UTF8.self))
      })
  }

  @Test("each file is Nova's to the byte, or differs in a way that is listed")
  func asNova() throws {
    let nova = try NovaFile.all()
    let ours = try files(.openStackAndEC2, "web-01", in: recorded())
    #expect(ours.map(\.path) == nova.map(\.path))
    var used: Set<String> = []
    for (nova, ours) in zip(nova, ours) where nova.bytes != ours.bytes {
      let value = (try? JSONValue(parsing: ours.bytes)) ?? .null
      let known = DriveDifference.all.first { $0.matches(nova, value) }
      #expect(known != nil, "\(ours.path): \(String(decoding: ours.bytes, as: UTF8.self))")
      if let known { used.insert(known.reason) }
    }
    #expect(used.count == DriveDifference.all.count, "a listed difference no longer occurs")
  }

  @Test("password, files and their contents are on no path over HTTP")
  func notOverHTTP() throws {
    let world = try recorded()
    let metaData = try #require(try world.json("/openstack/latest/meta_data.json", "web-01"))
    #expect(metaData["admin_pass"] == nil)
    #expect(metaData["files"] == nil)
    #expect(metaData["network_config"] != nil)
    #expect(try world.text("/openstack/content/0001", "web-01") == nil)
    #expect(try world.text("/openstack/content/0000", "web-01") != nil)
  }

  @Test("without an interfaces text the files start at 0000")
  func contentNumbers() throws {
    let drive = try texts(
      .openStack,
      """
      kind: Instance
      id: 00000000-0000-4000-8000-000000000001
      hostname: a
      files: [{path: /a, content: one}, {path: /b, content: two}]
      """)
    #expect(drive["openstack/content/0000"] == "one")
    #expect(drive["openstack/content/0001"] == "two")
    let metaData = try JSONValue(parsing: drive["openstack/latest/meta_data.json"] ?? "")
    #expect(
      metaData["files"] == [
        ["path": "/a", "content_path": "/content/0000"],
        ["path": "/b", "content_path": "/content/0001"],
      ])
    #expect(drive.keys.allSatisfy { !$0.hasSuffix("/user_data") && !$0.hasSuffix("/password") })
  }

  @Test("what an instance with least lacks is null or empty in EC2's file, as in Nova's")
  func leastEC2() throws {
    let drive = try texts(
      .ec2, "kind: Instance\nid: 00000000-0000-4000-8000-000000000001\nhostname: a\n")
    #expect(drive.keys.sorted() == ["ec2/2009-04-04/meta-data.json", "ec2/latest/meta-data.json"])
    #expect(
      drive["ec2/latest/meta-data.json"]
        == #"{"ami-id": null, "ami-launch-index": 0, "ami-manifest-path": "FIXME", "#
        + #""instance-id": "i-00000001", "hostname": "a", "local-ipv4": null, "#
        + #""reservation-id": null, "security-groups": [], "local-hostname": "a", "#
        + #""public-hostname": "a", "public-ipv4": "", "block-device-mapping": {"ami": "sda1", "#
        + #""ephemeral0": "sda2", "root": "/dev/sda1", "swap": "sda3"}, "#
        + #""placement": {"availability-zone": null}, "instance-action": "none"}"#)
  }

  @Test("a drive that would be too large is refused")
  func tooLarge() throws {
    var world = try World(
      yaml: "kind: Instance\nid: 00000000-0000-4000-8000-000000000001\nhostname: a\n")
    world.dynamicVendorData = [
      (name: "big", answer: .string(String(repeating: "x", count: Limits.maximumDriveBytes / 6)))
    ]
    #expect(throws: DriveTooLarge.self) { try files(.openStack, "a", in: world) }
    world.dynamicVendorData = [
      (name: "big", answer: .string(String(repeating: "x", count: Limits.maximumDriveBytes / 7)))
    ]
    #expect(throws: Never.self) { try files(.openStack, "a", in: world) }
  }
}
