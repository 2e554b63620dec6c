import Foundation
import HostNetwork
import HostProcess
import Testing

@Suite("Watching namespaces", .timeLimit(.minutes(1)))
struct NamespaceWatcherTests {
  /// No look without having been told: what is seen is seen by the kernel's word.
  private static let never: Int32 = 3_600_000

  @Test("a directory is seen as it is made, filled, changed and removed")
  func directory() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let path = "\(folder.path)/netns"
    let link = "\(path)/a"
    let watcher = NamespaceWatcher(directory: path, rescanMilliseconds: Self.never)
    var scans = try watcher.scans().makeAsyncIterator()
    #expect(await scans.next()?.namespaces == [:])
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      atPath: link, withDestinationPath: "/proc/self/ns/net")
    #expect(await scans.next()?.namespaces.keys.sorted() == ["a"])
    try FileManager.default.moveItem(atPath: link, toPath: "\(path)/b")
    var names = await scans.next()?.namespaces.keys.sorted()
    if names == [] { names = await scans.next()?.namespaces.keys.sorted() }
    #expect(names == ["b"])
    try FileManager.default.removeItem(atPath: path)
    #expect(await scans.next()?.namespaces == [:])
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      atPath: link, withDestinationPath: "/proc/self/ns/net")
    #expect(await scans.next()?.namespaces.keys.sorted() == ["a"])
  }

  @Test("what the kernel does not tell is found by looking again")
  func rescan() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let inner = try Folder()
    defer { inner.remove() }
    try folder.link("a", to: "\(inner.path)/target")
    let watcher = NamespaceWatcher(directory: folder.path, rescanMilliseconds: 10)
    var scans = try watcher.scans().makeAsyncIterator()
    #expect(await scans.next()?.namespaces == [:])
    try inner.link("target", to: "/proc/self/ns/net")
    #expect(await scans.next()?.namespaces.keys.sorted() == ["a"])
  }

  @Test("a look that fails changes nothing of what was seen before")
  func failedLook() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let path = "\(folder.path)/netns"
    let inner = try Folder()
    defer { inner.remove() }
    try inner.link("a", to: "/proc/self/ns/net")
    try folder.link("netns", to: inner.path)
    try folder.link("other", to: "/etc/passwd")
    let watcher = NamespaceWatcher(directory: path, rescanMilliseconds: 10)
    var scans = try watcher.scans().makeAsyncIterator()
    let first = try #require(await scans.next())
    #expect(first.namespaces.keys.sorted() == ["a"])
    // In one step, so that there is no moment without a directory.
    #expect(unsafe rename("\(folder.path)/other", path) == 0)
    let second = try #require(await scans.next())
    #expect(second.problem?.hasSuffix("Not a directory") == true)
    #expect(second.namespaces == first.namespaces)
  }

  @Test("watching ends when its reader's task is cancelled")
  func cancelled() async throws {
    let watcher = NamespaceWatcher(directory: "/nowhere/netns", rescanMilliseconds: Self.never)
    await withThrowingTaskGroup(of: Void.self) { group in
      let (begun, begin) = AsyncStream<Void>.makeStream()
      group.addTask {
        for await _ in try watcher.scans() { begin.yield() }
      }
      for await _ in begun { break }
      group.cancelAll()
    }
  }

  @Test(
    "`ip netns add` and `ip netns del` are seen, though the mount gives no event of inotify",
    .enabled(if: isRoot, "network namespaces need root"))
  func real() async throws {
    let name = "np-w\(UUID().uuidString.prefix(6).lowercased())"
    let tools = HostTools()
    let watcher = NamespaceWatcher(rescanMilliseconds: Self.never)
    var scans = try watcher.scans().makeAsyncIterator()
    try await tools.run("ip", ["netns", "add", name])
    var identity: NamespaceIdentity?
    while identity == nil { identity = await scans.next()?.namespaces[name] }
    try await tools.run("ip", ["netns", "del", name])
    while await scans.next()?.namespaces[name] != nil {}
  }
}
