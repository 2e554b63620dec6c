import Foundation
import Glibc
import HostNetwork
import HostProcess
import Synchronization
import TestKit

/// Whether network namespaces can be made here.
let isRoot = geteuid() == 0

/// Network namespaces of a test's own. All names begin with `np-`; `remove()` takes all away.
struct TestNetwork {
  struct Failed: Error, CustomStringConvertible { let description: String }

  let suffix: String
  private let services = ServiceShelf()
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
    services.stop()
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

  /// Starts a script in a namespace; it ends with the network.
  func start(_ name: String, _ script: String) throws {
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    _ = try ChildProcess(
      ["ip", "netns", "exec", self[name], "sh", "-c", script], descriptors: [null, null, null])
  }

  /// A server that answers each request with a word and the address that it saw.
  func serve(
    _ name: String, _ word: String, at address: String, port: UInt16, device: String? = nil
  ) throws {
    try services.add(
      ScriptedService(at: address, port: port, namespace: self[name], device: device) {
        .answer(200, "\(word) \($0.source)")
      })
  }
}

/// Services that end with a test's network.
final class ServiceShelf: Sendable {
  private let services = Mutex<[ScriptedService]>([])

  func add(_ service: ScriptedService) { services.withLock { $0.append(service) } }

  func stop() {
    services.withLock { services in
      for service in services { service.stop() }
      services = []
    }
  }
}
