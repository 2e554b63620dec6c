import Foundation
import Glibc
import HostNetwork
import HostProcess
import TestKit

/// Whether network namespaces can be made here.
let isRoot = geteuid() == 0

/// Network namespaces of a test's own. All names begin with `np-`; `remove()` takes all away.
struct TestNetwork {
  struct Failed: Error, CustomStringConvertible { let description: String }

  let suffix: String
  private let names: [String]

  /// - Parameter names: Short names, such as `guest`; the namespaces are `np-<suffix>-<name>`.
  init(_ names: [String]) throws {
    suffix = String(UUID().uuidString.prefix(6)).lowercased()
    self.names = names
    do {
      for name in names {
        try sh("ip netns add \(self[name])")
        // Addresses of IPv6 are there at once, and nothing changes by itself later.
        try sh(
          name,
          """
          for w in all default; do
            echo 0 >/proc/sys/net/ipv6/conf/$w/accept_dad
            echo 0 >/proc/sys/net/ipv6/conf/$w/router_solicitations
          done
          ip link set lo up
          """)
      }
    } catch {
      remove()
      throw error
    }
  }

  subscript(name: String) -> String { "np-\(suffix)-\(name)" }

  func tools(_ name: String) -> HostTools { HostTools(namespace: self[name]) }

  func remove() {
    for name in names {
      let space = self[name]
      // A process may have ended, or started another one, meanwhile.
      _ = try? sh(
        """
        for i in 1 2 3 4 5; do
          p=$(ip netns pids \(space)); [ -z "$p" ] && break; kill -9 $p 2>/dev/null || true
        done
        ip netns del \(space)
        """)
    }
    for end in ["", ".new"] { _ = unsafe unlink(record + end) }
  }

  /// A path for a redirect's record.
  var record: String { "/tmp/np-\(suffix)-record.json" }

  /// A link between two namespaces, up at both ends.
  func link(_ one: String, _ device: String, _ other: String, _ otherDevice: String) throws {
    try sh(
      """
      ip link add \(device) netns \(self[one]) type veth peer name \(otherDevice) \
      netns \(self[other])
      ip -n \(self[one]) link set \(device) up
      ip -n \(self[other]) link set \(otherDevice) up
      """)
  }

  /// Runs a script on the host itself.
  @discardableResult
  func sh(_ script: String) throws -> String {
    let result = try run(["sh", "-ec", script])
    guard result.status == 0 else {
      throw Failed(description: "\(script): \(result.output) \(result.error)")
    }
    return result.output
  }

  /// Runs a script in a namespace.
  @discardableResult
  func sh(_ name: String, _ script: String) throws -> String {
    let result = try run(["ip", "netns", "exec", self[name], "sh", "-ec", script])
    guard result.status == 0 else {
      throw Failed(description: "\(script): \(result.output) \(result.error)")
    }
    return result.output
  }

  struct Result: Hashable {
    let status: Int32
    let output: String
    var error = ""
  }

  /// What curl in a namespace gets, and its status; 7 is a refused connection.
  func curl(_ name: String, _ url: String, _ more: [String] = []) throws -> Result {
    let result = try run(
      ["ip", "netns", "exec", self[name], "curl", "-gs", "--max-time", "5"] + more + [url])
    return Result(status: result.status, output: result.output)
  }

  func run(_ words: [String]) throws -> Result {
    let output = try ChildProcess.runHere(words)
    return Result(status: output.status, output: output.out, error: output.error)
  }

  /// Starts a script in a namespace; it ends with the namespace.
  func start(_ name: String, _ script: String) throws {
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    _ = try ChildProcess(
      ["ip", "netns", "exec", self[name], "sh", "-c", script], descriptors: [null, null, null])
  }

  /// A server that answers each connection with a word and the address that it saw.
  func serve(_ name: String, _ word: String, at address: String, port: Int, device: String = "")
    throws
  {
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    let output = Pipe()
    _ = try ChildProcess(
      [
        "ip", "netns", "exec", self[name], "python3", "-c", Self.server, word, address, "\(port)",
        device,
      ], descriptors: [null, output.fileHandleForWriting.fileDescriptor, null])
    try output.fileHandleForWriting.close()
    // It says when it listens.
    guard output.fileHandleForReading.availableData.first == UInt8(ascii: "1") else {
      throw Failed(description: "the server at \(address) did not start")
    }
  }

  /// IP_FREEBIND is 15, IPV6_FREEBIND 78, SO_BINDTODEVICE 25.
  private static let server = """
    import socket, sys
    word, address, port, device = sys.argv[1:]
    six = ':' in address
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if device:
      s.setsockopt(socket.SOL_SOCKET, 25, device.encode() + b'\\0')
      s.setsockopt(41 if six else 0, 78 if six else 15, 1)
    scope = socket.if_nametoindex(device) if address.startswith('fe80') else 0
    s.bind((address, int(port), 0, scope) if six else (address, int(port)))
    s.listen(200)
    sys.stdout.write('1'); sys.stdout.flush()
    while True:
      try:
        c, a = s.accept()
        c.settimeout(2)
        c.recv(4096)
        body = (word + ' ' + a[0].split('%')[0]).encode()
        c.sendall(b'HTTP/1.0 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)
        c.close()
      except OSError:
        pass
    """
}
