import Foundation
import Glibc

/// A store with very many instances, and daemons on it.
struct MillionTown {
  let options: Options
  /// Where the store is, and stays for the next run.
  let folder: String
  let count: Int
  /// What is declared before the instances.
  var networks: [String] = []
  /// A guest's instance, as a line of JSON.
  var instance: (GuestTown.Guest) -> String = { MillionTown.document(of: $0) }

  /// Contents of user data, each of some kilobyte: a fleet is made from a few templates.
  static let templates = 10

  /// As long as its address is one of loopback's.
  static let maximumCount = 15_000_000

  // MARK: What is declared

  static func document(
    of guest: GuestTown.Guest, addresses: [UInt32]? = nil
  ) -> String {
    let number = guest.number
    let ips = (addresses ?? [guest.address])
      .map { "{\"ip\": \"\(GuestTown.text(of: $0))\"}" }.joined(separator: ", ")
    return """
      {"kind": "Instance", "id": "\(guest.id)", "project": "project-\(number % 1000)", \
      "user": "user-\(number % 5000)", "name": "\(guest.hostname)", "hostname": "\(guest.hostname)", \
      "instanceType": "m1.small", "availabilityZone": "az-north-1", "host": "compute-\(number % 4000)", \
      "imageId": "5ba9f6a8-5a9a-4a2b-b6ef-8d4a8b1f0c\(hex(number % 16))", \
      "keys": ["\(BenchInventory.key)"], "userData": "\(userData(number % templates))", \
      "metadata": {"role": "web", "tier": "gold", "change": "0"}, \
      "securityGroups": ["default", "web"], \
      "interfaces": [{"mac": "\(mac(of: guest))", "addresses": [\(ips)]}]}

      """
  }

  static func mac(of guest: GuestTown.Guest) -> String {
    "fa:16:3e:" + [16, 8, 0].map { hex(guest.number >> $0 & 255) }.joined(separator: ":")
  }

  static func userData(_ template: Int) -> String {
    "#cloud-config\\n# template \(template)\\n"
      + String(repeating: "# \(String(repeating: "x", count: 60))\\n", count: 15)
  }

  /// What all contents of user data weigh together.
  static var userDataBytes: Int {
    (0..<templates).map { userData($0).replacingOccurrences(of: "\\n", with: "\n").utf8.count }
      .reduce(0, +)
  }

  static func hex(_ byte: Int) -> String { String(format: "%02x", byte) }

  // MARK: The store

  /// Makes the store where it is not there yet: through the control API, as an operator would.
  func prepare() throws {
    let mark = "\(folder)/complete-\(count)"
    if FileManager.default.fileExists(atPath: mark) { return }
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let server = try serve()
    defer { server.stop() }
    try waitUntilReady(server)
    if !networks.isEmpty { try apply(networks, to: "\(folder)/control.sock") }
    let batch = 5000
    for start in stride(from: 0, to: count, by: batch) {
      try Interrupt.check()
      if start % 100_000 == 0 { GuestBench.complain("million: \(start) of \(count) declared") }
      let documents = (start..<min(start + batch, count)).map {
        instance(GuestTown.Guest(number: $0))
      }
      try apply(documents, to: "\(folder)/control.sock")
    }
    server.stop()
    try Data().write(to: URL(fileURLWithPath: mark))
  }

  func apply(_ documents: [String], to socket: String) throws {
    let answer = try ControlConnection(socket: socket)
      .ask("POST", "/v1/apply", body: Array(documents.joined().utf8), isLast: true)
    let text = String(decoding: answer.body, as: UTF8.self)
    guard answer.status == 200, text.contains("\"revision\"") else {
      throw BenchError("the daemon takes no documents: \(text.suffix(500))")
    }
  }

  /// Has the kernel forget what it has read of the store, as after a boot.
  func makeCold() {
    for suffix in ["", "-wal"] {
      let descriptor = unsafe open(
        "\(folder)/state/nameplate.sqlite\(suffix)", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      fsync(descriptor)
      _ = posix_fadvise(descriptor, 0, 0, Int32(POSIX_FADV_DONTNEED))
      close(descriptor)
    }
  }

  var storeBytes: Int {
    ["", "-wal"].reduce(0) { sum, suffix in
      let path = "\(folder)/state/nameplate.sqlite\(suffix)"
      let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber
      return sum + (size?.intValue ?? 0)
    }
  }

  // MARK: Daemons

  /// Starts a daemon on the folder's store, without limits: one program asks for all guests.
  func serve() throws -> Server {
    let port = try HTTPProbe.freePort()
    let configuration =
      BenchInventory.configuration(folder: folder, port: port) + "backup_interval_hours: 0\n"
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: "\(folder)/serve.yaml"))
    let child = try Child(
      [options.nameplate ?? "nameplate", "serve", "--config", "\(folder)/serve.yaml"],
      log: "\(folder)/daemon.log")
    return Server(name: "nameplate", port: port, child: child)
  }

  func health() -> Int? {
    try? ControlConnection(socket: "\(folder)/control.sock").ask("GET", "/v1/health").status
  }

  func waitUntilReady(_ server: Server) throws {
    while health() != 200 {
      try server.checkAlive()
      try Interrupt.check()
      pause(milliseconds: 10)
    }
  }
}
