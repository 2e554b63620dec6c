import Glibc
import Inventory
import SystemPackage

/// What is remembered of an installation: what it was, and what was there before it.
struct RedirectRecord: Hashable {
  enum Shape: String { case router, local }

  var shape: Shape
  var backend: RedirectPlan.Backend = .auto
  var chainPrefix = ""
  var devices: [String] = []
  /// Tables (`ip nat`) and base chains (`ip nat PREROUTING`) of iptables-nft that were not there.
  var absent: [String] = []
  /// Addresses, rules and routes that were there already, as commands of ip.
  var found: [String] = []

  static let maximumBytes = 1 << 20

  var text: String {
    let list = { (words: [String]) in JSONValue.array(words.map { .string($0) }) }
    let value: JSONValue = [
      "version": 1, "shape": .string(shape.rawValue), "backend": .string(backend.rawValue),
      "chainPrefix": .string(chainPrefix), "devices": list(devices), "absent": list(absent),
      "found": list(found),
    ]
    return value.text + "\n"
  }

  init(shape: Shape) { self.shape = shape }

  /// Nil for what is no record of ours.
  init?(_ text: String) {
    guard let value = try? JSONValue(parsing: text), value["version"]?.integer == 1,
      let shape = value["shape"]?.string.flatMap(Shape.init),
      let backend = value["backend"]?.string.flatMap(RedirectPlan.Backend.init)
    else { return nil }
    let list = { (key: String) in value[key]?.array?.compactMap(\.string) ?? [] }
    self.shape = shape
    self.backend = backend
    chainPrefix = value["chainPrefix"]?.string ?? ""
    devices = list("devices")
    absent = list("absent")
    found = list("found")
  }

  /// Reads a record; nil where there is none or it cannot be understood: what it would tell is then
  /// found out from the ruleset, as far as it can be.
  static func read(_ path: FilePath) -> RedirectRecord? {
    guard let file = try? FileDescriptor.open(path, .readOnly) else { return nil }
    defer { try? file.close() }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while bytes.count <= maximumBytes {
      guard
        let count = try? unsafe buffer.withUnsafeMutableBytes({ unsafe try file.read(into: $0) })
      else { return nil }
      if count == 0 { return RedirectRecord(String(decoding: bytes, as: UTF8.self)) }
      bytes += buffer[..<count]
    }
    return nil
  }

  /// Written beside its place, synced, renamed: the old record or the new one, never a part.
  func write(_ path: FilePath) throws(RedirectError) {
    let temporary = FilePath(path.string + ".new")
    do {
      let file = try FileDescriptor.open(
        temporary, .writeOnly, options: [.create, .truncate, .noFollow],
        permissions: [.ownerReadWrite])
      try file.closeAfter {
        try file.writeAll(Array(text.utf8))
        guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
      }
      guard unsafe rename(temporary.string, path.string) == 0 else { throw Errno(rawValue: errno) }
      let folder = path.removingLastComponent()
      let directory = try FileDescriptor.open(folder.isEmpty ? "." : folder, .readOnly)
      try directory.closeAfter {
        guard fsync(directory.rawValue) == 0 else { throw Errno(rawValue: errno) }
      }
    } catch {
      throw .record(path: path.string, problem: "cannot be written: \(error)")
    }
  }

  static func delete(_ path: FilePath) throws(RedirectError) {
    guard unsafe unlink(path.string) == 0 || errno == ENOENT else {
      throw .record(path: path.string, problem: "cannot be deleted: \(Errno(rawValue: errno))")
    }
  }
}
