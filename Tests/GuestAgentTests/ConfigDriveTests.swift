import Foundation
import TestKit
import Testing

@testable import GuestAgent

@Suite("Config drives")
struct ConfigDriveTests {
  static let a = ExampleKeys.ed25519

  static func write(_ files: [String: String], to folder: String) throws {
    for (path, text) in files {
      let file = URL(fileURLWithPath: "\(folder)/\(path)")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
  }

  static let ec2 = """
    {"instance-id": "i-00000001", "local-hostname": "web-1.novalocal",
     "public-keys": {"0": {"openssh-key": "\(a)", "_name": "0=alice"}}, "block-device-mapping": {}}
    """

  @Test(
    "the drive is enough: OpenStack's files first, else EC2's, else a NoCloud seed's",
    arguments: [
      [
        "openstack/latest/meta_data.json": Script.metaData(keys: [a]),
        "openstack/latest/user_data": "hi", "ec2/latest/meta-data.json": "broken",
      ],
      ["ec2/latest/meta-data.json": ec2, "ec2/latest/user-data": "hi"],
      ["meta-data": "instance-id: a\npublic-keys: [\"\(a)\"]\n", "user-data": "hi"],
    ])
  func enough(files: [String: String]) throws {
    let home = try HomeFixture()
    try Self.write(files, to: "\(home.folder)/drive")
    let agent = try home.agent(port: 1) { $0.drive = "\(home.folder)/drive" }
    #expect(agent.run() == .done)
    #expect(home.keys == AuthorizedKeysTests.block(Self.a) && home.userData == "hi")
    #expect(home.told.allSatisfy { $0.hasSuffix("from the config drive at \(home.folder)/drive") })
  }

  @Test("with a watch the drive's keys come first, and then the service's")
  func thenService() throws {
    let home = try HomeFixture()
    try Self.write(
      ["openstack/latest/meta_data.json": Script.metaData(keys: [Self.a])],
      to: "\(home.folder)/drive")
    let service = try ScriptedService(Script.openStack(keys: [ExampleKeys.rsa]))
    defer { service.stop() }
    let agent = try home.agent(port: service.port) {
      $0.drive = "\(home.folder)/drive"
      $0.watchMilliseconds = 1000
    }
    #expect(agent.round() == .serviceNext)
    #expect(home.keys == AuthorizedKeysTests.block(Self.a) && service.requests.isEmpty)
    #expect(agent.round() == .done)
    #expect(home.keys == AuthorizedKeysTests.block(ExampleKeys.rsa))
  }

  @Test("a drive whose keys could not be installed is read again, whatever the service does")
  func again() throws {
    let home = try HomeFixture()
    try Self.write(
      ["openstack/latest/meta_data.json": Script.metaData(keys: [Self.a])],
      to: "\(home.folder)/drive")
    try sh("rmdir \(home.home)")
    let agent = try home.agent(port: 1) {
      $0.drive = "\(home.folder)/drive"
      $0.watchMilliseconds = 1000
    }
    guard case .failed = agent.round() else { throw AgentError("there was a home") }
    try sh("mkdir \(home.home)")
    #expect(agent.round() == .serviceNext)
    #expect(home.keys == AuthorizedKeysTests.block(Self.a))
  }

  @Test("a drive that is broken, or has no key, is no reason not to ask the service")
  func broken() throws {
    for document in ["", "{", "<html>", Script.metaData(keys: [])] {
      let home = try HomeFixture()
      try Self.write(
        ["openstack/latest/meta_data.json": document], to: "\(home.folder)/drive")
      let service = try ScriptedService(Script.openStack(keys: [Self.a]))
      defer { service.stop() }
      let agent = try home.agent(port: service.port) { $0.drive = "\(home.folder)/drive" }
      #expect(agent.run() == .done)
      #expect(home.keys == AuthorizedKeysTests.block(Self.a))
    }
  }

  @Test("a service that takes this machine for another than its drive is not believed")
  func anotherMachine() throws {
    let home = try HomeFixture()
    let document = Script.metaData(keys: []).replacing("11111111", with: "33333333")
    try Self.write(["openstack/latest/meta_data.json": document], to: "\(home.folder)/drive")
    let service = try ScriptedService(Script.openStack(keys: [Self.a]))
    defer { service.stop() }
    let agent = try home.agent(port: service.port) { $0.drive = "\(home.folder)/drive" }
    #expect(agent.run() == .failed)
    #expect(home.keys == nil)
    #expect(home.told.last?.contains("it is not believed") == true)
  }

  static let tools = ["genisoimage", "mkfs.vfat"].allSatisfy {
    FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)")
      || FileManager.default.isExecutableFile(atPath: "/usr/sbin/\($0)")
  }

  @Test("a drive is known by its label", .enabled(if: tools, "needs genisoimage and mkfs.vfat"))
  func label() throws {
    let home = try HomeFixture()
    try Self.write(["openstack/latest/meta_data.json": "{}"], to: "\(home.folder)/drive")
    try sh(
      """
      cd \(home.folder)
      for l in config-2 cidata config-20 other; do
        genisoimage -quiet -r -J -V $l -o $l.iso drive
        mkfs.vfat -C -n $l $l.fat 2048 >/dev/null
      done
      mkfs.vfat -C -F 32 -n CONFIG-2 big.fat 66000 >/dev/null
      head -c 100000 /dev/zero > empty; : > nothing
      """)
    let found = ["config-2.iso", "config-2.fat", "big.fat", "cidata.iso", "cidata.fat"].map {
      DriveFinder.fileSystem(of: "\(home.folder)/\($0)")
    }
    #expect(found == [.iso9660, .vfat, .vfat, .iso9660, .vfat])
    for name in ["config-20.iso", "config-20.fat", "other.iso", "other.fat", "empty", "nothing"] {
      #expect(DriveFinder.fileSystem(of: "\(home.folder)/\(name)") == nil, "\(name)")
    }
  }
}
