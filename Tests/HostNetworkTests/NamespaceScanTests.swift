import Foundation
import HostNetwork
import Testing

@Suite("Which namespaces there are")
struct NamespaceScanTests {
  @Test("only what leads to a namespace counts, and two names may lead to one")
  func directory() throws {
    let folder = try Folder()
    defer { folder.remove() }
    try folder.link("self", to: "/proc/self/ns/net")
    try folder.link("again", to: "/proc/self/ns/net")
    try folder.link("broken", to: "/nowhere")
    try folder.link("file", to: "/etc/passwd")
    try Data().write(to: URL(fileURLWithPath: "\(folder.path)/empty"))
    let scan = NamespaceScan(directory: folder.path)
    #expect(Set(scan.namespaces.keys) == ["self", "again"])
    #expect(scan.namespaces["self"] == scan.namespaces["again"])
    #expect(scan.problem == nil)
  }

  @Test("a directory that is not there has no namespaces; what is none is a problem")
  func noDirectory() {
    #expect(NamespaceScan(directory: "/nowhere") == NamespaceScan(namespaces: [:]))
    let scan = NamespaceScan(directory: "/etc/passwd")
    #expect(scan.problem == "/etc/passwd cannot be read: Not a directory")
    #expect(!scan.isComplete)
  }
}

/// A folder of a test's own.
struct Folder {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(
      atPath: "\(path)/\(name)", withDestinationPath: target)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
