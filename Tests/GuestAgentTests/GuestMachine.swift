import Foundation
import Glibc
import TestKit
import Testing

let isRoot = geteuid() == 0

/// A guest with its router, each in a network namespace: the guest has files of its own (`/etc`,
/// `/home`, `/root`, `/var/lib`) and a host name of its own, the router runs the real daemon.
final class GuestMachine {
  let folder: String
  let router: String
  let guest: String
  private var daemon: LoggedProcess?

  /// - Parameter network: A script that makes the links, with `$R`, `$G` and `$V`, a device's name.
  init(network: String = GuestMachine.ipv4) throws {
    let suffix = String(UUID().uuidString.prefix(6)).lowercased()
    folder = "/tmp/np-\(suffix)"
    router = "np-r\(suffix)"
    guest = "np-g\(suffix)"
    do {
      try sh(
        """
        umask 022
        R=\(router) G=\(guest) V=np\(suffix) F=\(folder)
        ip netns add $R; ip netns add $G
        ip netns exec $G sysctl -qw net.ipv6.conf.default.accept_dad=0
        ip netns exec $R sysctl -qw net.ipv6.conf.default.accept_dad=0
        ip -n $R link set lo up; ip -n $G link set lo up
        \(network)
        mkdir -p $F/home/alice $F/root $F/lib $F/etc
        cd /etc; cp -a pam.d security login.defs nsswitch.conf ld.so.cache ssl $F/etc 2>/dev/null || :
        printf 'root:x:0:0::/root:/bin/sh\\nalice:x:1234:1234::/home/alice:/bin/sh\\n' > $F/etc/passwd
        printf 'ghost:x:1235:1235::/home/ghost:/bin/sh\\n' >> $F/etc/passwd
        printf 'root:x:0:\\nalice:x:1234:\\nghost:x:1235:\\n' > $F/etc/group
        printf 'root:*:19000::::::\\nalice:*:19000::::::\\n' > $F/etc/shadow
        printf 'old\\n' > $F/etc/hostname
        chmod 0700 $F/root $F/home/alice; chown 1234:1234 $F/home/alice; chmod 0600 $F/etc/shadow
        """)
    } catch {
      remove()
      throw error
    }
  }

  static let link = """
    ip link add ${V} netns $R type veth peer name eth0 netns $G
    ip -n $G link set eth0 address fa:16:3e:00:00:05
    """

  static let ipv4 = """
    \(link)
    ip -n $R address add 10.20.0.1/24 dev $V; ip -n $R address add 169.254.169.254/32 dev $V
    ip -n $G address add 10.20.0.5/24 dev eth0
    ip -n $R link set $V up; ip -n $G link set eth0 up
    ip -n $G route add default via 10.20.0.1
    """

  /// The instance that the daemon knows.
  static func manifest(keys: [String], more: String = "") -> String {
    """
    kind: Instance
    id: \(Script.uuid)
    hostname: web-1
    keys: [\(keys.map { "\"\($0)\"" }.joined(separator: ", "))]
    userData: "hello"
    interfaces:
    - mac: "fa:16:3e:00:00:05"
      addresses: [{ip: 10.20.0.5}, {ip: "fd00:20::5"}]
    \(more)
    """
  }

  // MARK: The router

  private static let programs = URL(fileURLWithPath: CommandLine.arguments[0])
    .deletingLastPathComponent().path

  /// Starts the daemon on port 80 and returns once it is ready.
  func serve(_ manifest: String, listeners: String = "") async throws {
    try Data(manifest.utf8).write(to: URL(fileURLWithPath: "\(folder)/manifest.yaml"))
    try Data(listeners.utf8).write(to: URL(fileURLWithPath: "\(folder)/serve.yaml"))
    let daemon = try LoggedProcess([
      "ip", "netns", "exec", router, "\(Self.programs)/nameplate", "serve",
      "--config", "\(folder)/serve.yaml", "--apply", "\(folder)/manifest.yaml",
      "--state-directory", "\(folder)/state", "--control-socket", "\(folder)/c.sock",
      "--metadata-listen", "0.0.0.0", "--metadata-port", "80",
      "--unknown-guest-hold-seconds", "0",
    ])
    self.daemon = daemon
    guard await daemon.log(has: " ready") else {
      throw ChildProcess.Failed("the daemon ended: \(daemon.all)")
    }
  }

  func nameplate(_ words: String..., input: String = "") async throws -> ChildProcess.Output {
    try await ChildProcess.run(
      ["\(Self.programs)/nameplate"] + words + ["--socket", "\(folder)/c.sock"], input: input)
  }

  func apply(_ manifest: String) async throws {
    let output = try await nameplate("apply", "-f", "-", input: manifest)
    guard output.status == 0 else { throw ChildProcess.Failed(output.error) }
  }

  // MARK: The guest

  /// Words that run a script in the guest, which ends in an agent.
  func agentWords(_ options: [String], before: String = "", with: String = "exec") -> [String] {
    let script = """
      F=\(folder)
      mount --bind $F/etc /etc; mount --bind $F/home /home; mount --bind $F/root /root
      mount --bind $F/lib /var/lib
      hostname old
      \(before)
      \(with) \(Self.programs)/nameplate-guest "$@"
      """
    return [
      "ip", "netns", "exec", guest, "unshare", "--mount", "--uts", "sh", "-ec", script, "sh",
    ] + options
  }

  func agent(_ options: String..., before: String = "", with: String = "exec") async throws
    -> ChildProcess.Output
  {
    try await ChildProcess.run(agentWords(options, before: before, with: with))
  }

  func text(_ path: String) -> String? {
    try? String(contentsOfFile: "\(folder)/\(path)", encoding: .utf8)
  }

  func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(path)"))
  }

  /// Mode, owner and group.
  func status(_ path: String) throws -> String {
    try sh("stat -c '%a %u %g' \(folder)/\(path)").trimmingCharacters(in: .newlines)
  }

  func remove() {
    daemon?.end()
    for namespace in [guest, router] {
      _ = try? ChildProcess.runHere(["ip", "netns", "del", namespace])
    }
    _ = try? ChildProcess.runHere(["rm", "-rf", folder])
  }
}

/// A program whose standard error is read for as long as it runs.
final class LoggedProcess: Sendable {
  private let lines = LogLines()
  private let process: ChildProcess
  private let pipe = Pipe()

  var all: String { lines.all }

  init(_ words: [String]) throws {
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    process = try ChildProcess(
      words, descriptors: [null, null, pipe.fileHandleForWriting.fileDescriptor])
    try pipe.fileHandleForWriting.close()
    lines.read(pipe.fileHandleForReading)
  }

  /// True once it has logged a text so many times; false where it has ended before. The agent itself
  /// rests for up to a minute before it tries again.
  func log(
    has text: String, times: Int = 1, at place: SourceLocation = #_sourceLocation
  ) async -> Bool {
    await lines.wait(
      for: text, times: times, withinSeconds: 3 * LogLines.patienceSeconds, at: place)
  }

  func end() {
    process.signal(SIGTERM)
    process.waitHere()
  }
}
