import Foundation
import Glibc

/// Guests on loopback: honest ones, each with an address and documents of its own, and addresses for
/// hostile ones, declared and not.
struct GuestTown {
  /// A guest that boots and reads what is there for it.
  struct Guest {
    let number: Int

    /// 127.1.0.1 and on.
    var address: UInt32 { 0x7F01_0001 + UInt32(number) }
    var addressText: String { GuestTown.text(of: address) }
    var hostname: String { "guest-\(number)" }
    var id: String { "00000000-0000-4000-8000-\(String(format: "%012d", number))" }

    /// - Parameter metadata: Changes from write to write.
    func manifest(at address: UInt32? = nil, metadata: Int = 0) -> String {
      """
      kind: Instance
      id: \(id)
      hostname: \(hostname)
      instanceType: m1.small
      availabilityZone: az-north-1
      keys: [\(BenchInventory.key)]
      userData: |
        #cloud-config
        # of \(hostname)
        # \(String(repeating: "x", count: 16_000))
      metadata: {change: "\(metadata)"}
      interfaces:
      - address: \(GuestTown.text(of: address ?? self.address))

      """
    }

    /// Whether an answer is this guest's own. Paths without anything of its own are anybody's.
    /// - Parameter asker: Who asks, where that may be another one.
    func owns(_ body: [UInt8], of path: String, asking asker: Guest) -> Bool {
      let text = String(decoding: body, as: UTF8.self)
      switch path {
      case "/openstack/latest/meta_data.json": return text.contains("\"uuid\": \"\(id)\"")
      case "/openstack/latest/user_data", "/latest/user-data":
        return text.contains("# of \(hostname)\n")
      case "/latest/meta-data/hostname", "/2009-04-04/meta-data/local-hostname":
        return text == hostname
      case "/latest/meta-data/local-ipv4": return text == asker.addressText
      default: return !text.isEmpty
      }
    }
  }

  /// What a boot asks for, after cloud-init's data sources (docs/guests.md). Each on a connection of
  /// its own, as most of cloud-init's requests are.
  static let boot =
    ["/openstack", "/openstack"]
    + [
      "meta_data.json", "user_data", "vendor_data.json", "vendor_data2.json", "network_data.json",
    ].map { "/openstack/latest/\($0)" } + ["/latest/meta-data/"]
    + [
      "ami-launch-index", "block-device-mapping/", "hostname", "instance-action",
      "instance-id", "instance-type", "local-hostname", "local-ipv4", "placement/",
      "placement/availability-zone", "public-keys/", "public-keys/0/openssh-key",
    ].map { "/latest/meta-data/\($0)" }
    + [
      "/2009-04-04/meta-data/local-hostname", "/latest/user-data",
      "/latest/dynamic/instance-identity/document",
    ]

  /// Hostile, and declared.
  static let knownEnemy = Guest(number: 60_000)
  /// Hostile, and nobody has declared it.
  static let strangeEnemy = "127.3.0.1"

  static func text(of address: UInt32) -> String {
    "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
  }

  static func manifest(of guests: [Guest]) -> String {
    (guests + [knownEnemy]).map { $0.manifest() }.joined(separator: "---\n")
  }

  /// Starts the daemon with the usual limits, and these guests.
  static func serve(_ guests: [Guest], _ options: Options, in folder: String) throws -> Server {
    let port = try HTTPProbe.freePort()
    let configuration = """
      state_directory: \(folder)/state
      control_socket: \(folder)/control.sock
      metadata_listen: 127.0.0.1
      metadata_port: \(port)
      unknown_guest_hold_seconds: 1
      log_level: warning

      """
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: "\(folder)/serve.yaml"))
    try Data(manifest(of: guests).utf8).write(to: URL(fileURLWithPath: "\(folder)/town.yaml"))
    let child = try Child(
      [
        options.nameplate ?? "nameplate", "serve", "--config", "\(folder)/serve.yaml", "--apply",
        "\(folder)/town.yaml",
      ], log: "\(folder)/daemon.log")
    let server = Server(name: "nameplate", port: port, child: child)
    for _ in 0..<600 {
      try server.checkAlive()
      try Interrupt.check()
      if let guest = guests.first,
        HTTPProbe.get("/openstack", port: port, from: guest.address)?.status == 200
      {
        return server
      }
      pause(milliseconds: 50)
    }
    throw BenchError("nameplate does not answer:\n\(child.output)")
  }
}

/// hostile-guest, at the lowest priority: what is measured is what the daemon makes of an attack,
/// not how guests share the processor.
struct Enemy {
  static let modes = [
    "slowloris", "connections", "pipeline", "unread", "drip", "half-closed", "reset", "reconnect",
  ]
  let child: Child

  init(_ mode: String, port: UInt16, source: String, pause: Double, log: String) throws {
    // It is built beside this program.
    let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent("hostile-guest").path
    guard unsafe access(program, X_OK) == 0 else {
      throw BenchError(
        "\(program) is missing; build it with 'swift build --configuration release "
          + "--package-path Benchmarks'")
    }
    child = try Child(
      ["nice", "-n", "19", program, mode, "\(port)", source, "--pause", "\(pause)"], log: log)
  }

  func waitUntilAttacking() throws {
    for _ in 0..<600 {
      try Interrupt.check()
      if child.output.contains("attacking") { return }
      guard child.poll() == nil else {
        throw BenchError("hostile-guest ended early:\n\(child.output)")
      }
      rest()
    }
    throw BenchError("hostile-guest does not get to attack:\n\(child.output)")
  }

  // `pause` is taken here.
  private func rest() { Glibc.usleep(20_000) }

  func stop() { child.stop() }
}
