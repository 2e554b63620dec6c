import Foundation
import Glibc

/// Network namespaces that all have the same addresses: the service's, and one that a guest asks
/// from. Whoever makes a set removes it.
struct NamespaceSet {
  /// What the namespaces' names begin with; the rest is the number of their network.
  let prefix: String
  let folder: String

  static let guestAddress = "10.0.0.5"

  init(folder: String) {
    prefix = "np-bench\(getpid())-"
    self.folder = folder
  }

  func name(_ number: Int) -> String { "\(prefix)\(Self.network(number))" }

  static func network(_ number: Int) -> String { "net-\(number)" }

  func add(_ number: Int) throws {
    let name = name(number)
    try tool(["ip", "netns", "add", name])
    let batch = "\(folder)/namespace.batch"
    try Data(
      """
      link set lo up
      address add 169.254.169.254/32 dev lo
      address add \(Self.guestAddress)/32 dev lo

      """.utf8
    ).write(to: URL(fileURLWithPath: batch))
    try tool(["ip", "-n", name, "-batch", batch])
  }

  /// Removes all namespaces with the prefix, whoever made them.
  func removeAll() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/run/netns")) ?? []
    for name in names where name.hasPrefix(prefix) { _ = try? tool(["ip", "netns", "del", name]) }
  }

  /// Asks so many times from inside a namespace, on one connection; the answers one after another.
  func ask(_ number: Int, times: Int = 1) throws -> String {
    try tool([
      "ip", "netns", "exec", name(number), "curl", "-sf", "--max-time", "20", "--interface",
      Self.guestAddress,
      "http://169.254.169.254/openstack/latest/meta_data.json"
        + (times > 1 ? "?[1-\(times)]" : ""),
    ])
  }

  /// Asks again and again until there is a first answer, and returns it.
  func askUntilAnswered(_ number: Int) throws -> String {
    try tool([
      "ip", "netns", "exec", name(number), "sh", "-c",
      """
      i=0; until curl -sf --max-time 5 --interface \(Self.guestAddress) \
      http://169.254.169.254/latest/meta-data/hostname; do
      i=$((i+1)); [ $i -lt 1000 ] || exit 1; done
      """,
    ])
  }

  @discardableResult
  func tool(_ words: [String]) throws -> String {
    let child = try Child(words, log: "\(folder)/tool.log")
    defer { child.stop() }
    guard try child.wait(seconds: 60) == 0 else {
      throw BenchError("\(words.joined(separator: " ")): \(child.output)")
    }
    return child.output
  }
}

/// Memory from /proc.
enum MemoryUse {
  /// The proportional set size of processes in KiB: pages that several share count once, in parts.
  static func kibibytes(of processes: [pid_t]) throws -> Int {
    try processes.reduce(0) { sum, process in
      let file = "/proc/\(process)/smaps_rollup"
      guard let data = FileManager.default.contents(atPath: file) else {
        throw BenchError("\(file) cannot be read; has the process ended?")
      }
      let line = String(decoding: data, as: UTF8.self).split(separator: "\n")
        .first { $0.hasPrefix("Pss:") }
      guard let words = line?.split(separator: " "), words.count == 3, let size = Int(words[1])
      else { throw BenchError("\(file) has no Pss") }
      return sum + size
    }
  }
}
