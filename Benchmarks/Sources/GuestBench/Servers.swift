import Foundation
import Glibc

/// A server under measurement.
struct Server {
  let name: String
  let port: UInt16
  let child: Child
  /// Whether every guest gets the same.
  var isSameForAll = false
  /// Lines of every request's head beside the usual ones.
  var fields: [String] = []

  func checkAlive() throws {
    guard child.poll() == nil else { throw BenchError("\(name) ended early:\n\(child.output)") }
  }

  /// Waits until a path is answered with a status, and returns what it answers.
  func waitUntilReady(_ path: String, status: Int = 200) throws -> [UInt8] {
    for _ in 0..<600 {
      try checkAlive()
      try Interrupt.check()
      if let answer = HTTPProbe.get(path, port: port, fields: fields), answer.status == status {
        return answer.body
      }
      pause(milliseconds: 50)
    }
    throw BenchError(
      "\(name) does not answer \(path) with \(status) on port \(port):\n\(child.output)")
  }

  func stop() { child.stop() }

  /// A session token for 127.0.0.1, as the field that shows it.
  func sessionToken() throws -> (String, String) {
    let answer = try HTTPProbe.Conversation(port: port).ask(
      "PUT", "/latest/api/token", fields: [("X-aws-ec2-metadata-token-ttl-seconds", "21600")])
    guard answer.status == 200 else { throw BenchError("no session token: \(answer.status)") }
    return ("X-aws-ec2-metadata-token", String(decoding: answer.body, as: UTF8.self))
  }
}

/// What is asked for.
struct Target: Codable {
  let name: String
  let path: String

  static let all = [
    Target(
      name: "public-keys/0/openssh-key", path: "/latest/meta-data/public-keys/0/openssh-key"),
    Target(name: "meta_data.json", path: "/openstack/latest/meta_data.json"),
    Target(name: "network_data.json", path: "/openstack/latest/network_data.json"),
  ]
}

extension Server {
  /// Our own, with a fresh state and one instance that 127.0.0.1 is.
  static func ours(
    _ options: Options, manifest: String = BenchInventory.manifest, in folder: String
  ) throws -> Server {
    let port = try HTTPProbe.freePort()
    try write(BenchInventory.configuration(folder: folder, port: port), to: "\(folder)/serve.yaml")
    try write(manifest, to: "\(folder)/manifest.yaml")
    var command = [
      options.nameplate ?? "nameplate", "serve", "--config", "\(folder)/serve.yaml",
      "--apply", "\(folder)/manifest.yaml",
    ]
    if let text = options.oursCommand { command = ["sh", "-c", "exec \(text)"] }
    let child = try Child(
      command, log: "\(folder)/ours.log",
      environment: ["BENCH_PORT": "\(port)", "BENCH_FOLDER": folder])
    return Server(name: "nameplate", port: port, child: child)
  }

  /// Another daemon, whose instance must show a token for whatever it asks.
  static func oursWithTokens(_ options: Options, in folder: String) throws -> Server {
    let own = "\(folder)/tokens"
    try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
    var server = try ours(
      options, manifest: BenchInventory.manifest + BenchInventory.tokensRequired, in: own)
    do {
      // Without a token it must be refused, or none is checked.
      _ = try server.waitUntilReady(Target.all[0].path, status: 401)
      let token = try server.sessionToken()
      server.fields = ["\(token.0): \(token.1)"]
      return server
    } catch {
      server.stop()
      throw error
    }
  }

  /// nginx as Debian has it, with two workers, no access log and files under the same paths; told of
  /// a connection only with its request, as our listeners are.
  static func nginx(serving documents: [(path: String, bytes: [UInt8])], in folder: String) throws
    -> Server
  {
    var exact: [String] = []
    for document in documents {
      var file = "\(folder)/files\(document.path)"
      if document.path.hasSuffix("/") {
        file += listing
      } else if documents.contains(where: { $0.path.hasPrefix(document.path + "/") }) {
        // A document and a folder by the same name.
        file += ".document"
        exact.append("location = \(document.path) { alias \(file); }")
      }
      let parent = (file as NSString).deletingLastPathComponent
      try FileManager.default.createDirectory(
        atPath: parent, withIntermediateDirectories: true)
      try Data(document.bytes).write(to: URL(fileURLWithPath: file))
    }
    let port = try HTTPProbe.freePort()
    try write(nginxConfiguration(folder: folder, port: port, exact), to: "\(folder)/nginx.conf")
    let child = try Child(
      ["nginx", "-e", "stderr", "-p", folder, "-c", "\(folder)/nginx.conf"],
      log: "\(folder)/nginx.log")
    return Server(name: "nginx", port: port, child: child, isSameForAll: true)
  }

  /// The name of a file that holds what a path ending in a slash answers.
  private static let listing = "listing.of.folder"

  private static func nginxConfiguration(
    folder: String, port: UInt16, _ locations: [String]
  ) -> String {
    // As root, nginx would give its workers to a user who may not read the folder.
    let user = geteuid() == 0 ? "user root root;" : ""
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map { "  \($0)_temp_path \(folder)/\($0);" }.joined(separator: "\n")
    return """
      \(user)
      daemon off;
      worker_processes 2;
      pid \(folder)/nginx.pid;
      error_log stderr warn;
      worker_rlimit_nofile 65536;
      events { worker_connections 16384; }
      http {
        access_log off;
        sendfile on;
        tcp_nopush on;
        keepalive_timeout 75;
        keepalive_requests 1000000000;
        default_type application/json;
      \(temporary)
        server {
          listen 127.0.0.1:\(port) backlog=4096 deferred;
          root \(folder)/files;
          index \(listing);
          \(locations.joined(separator: "\n    "))
        }
      }

      """
  }

  private static func write(_ text: String, to file: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
  }
}

/// What the daemon is given to serve.
enum BenchInventory {
  static func configuration(folder: String, port: UInt16) -> String {
    """
    state_directory: \(folder)/state
    control_socket: \(folder)/control.sock
    metadata_listen: 127.0.0.1
    metadata_port: \(port)
    log_level: warning
    # One guest asks for all.
    guest_requests_per_second: 0
    guest_bytes_per_second: 0
    total_requests_per_second: 0
    total_bytes_per_second: 0

    """
  }

  /// Enough that network_data.json has a link, two networks with routes, and services.
  static let manifest = """
    kind: Network
    id: default
    name: loopback
    mtu: 1450
    vifType: ovs
    subnets:
    - cidr: 127.0.0.0/8
      gateway: 127.255.255.254
      dns: [192.0.2.53, 192.0.2.54]
      routes: [{destination: 198.51.100.0/24, gateway: 127.255.255.253}]
      dhcp: false
    - cidr: 2001:db8:7::/64
      gateway: 2001:db8:7::1
      dns: ["2001:db8:53::53"]
      dhcp: false
    ---
    kind: Instance
    id: 11111111-2222-4333-8444-555555555555
    project: 3f1b7c0d9e2a4f5586b1c2d3e4f50617
    name: bench
    hostname: bench
    domain: example.internal
    instanceType: m1.small
    availabilityZone: az-north-1
    keys:
    - \(key)
    userData: |
      #cloud-config
      packages: [nginx-light]
    metadata: {role: bench, tier: gold}
    securityGroups: [default, web]
    interfaces:
    - id: 9a1b6b1e-1111-4c4c-8d8d-000000000001
      mac: "fa:16:3e:0a:0b:01"
      addresses:
      - ip: 127.0.0.1
      - ip: "2001:db8:7::9"

    """

  /// Lines more of the instance.
  static let tokensRequired = """
    metadataOptions: {httpTokens: required, httpTokensScope: all}

    """

  /// Nobody has its private half.
  static let key =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID5L+B6nXMtJIA5Pgft+QykWLOS+RbeAv9z/d8CLMVFR demo@nameplate"
}
