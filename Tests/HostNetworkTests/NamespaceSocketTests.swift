import Foundation
import HostNetwork
import HostProcess
import Inventory
import Testing

@Suite("Sockets in namespaces", .enabled(if: isRoot, "network namespaces need root"))
struct NamespaceSocketTests {
  private static let service = IPAddress.v4(0xA9FE_A9FE)
  private static let linkLocal = IPAddress.v6(0xFE80_0000_0000_0000, 0xA9FE_A9FE)

  /// Runs `body` with a namespace that is removed afterwards.
  private func inNamespace(_ body: (String) async throws -> Void) async throws {
    let name = "np-s\(UUID().uuidString.prefix(6).lowercased())"
    let tools = HostTools()
    try await tools.run("ip", ["netns", "add", name])
    let outcome: Result<Void, any Error>
    do {
      outcome = .success(try await body(name))
    } catch {
      outcome = .failure(error)
    }
    try await tools.run("ip", ["netns", "del", name])
    try outcome.get()
  }

  private func listening(_ namespace: String) async throws -> String {
    try await HostTools(namespace: namespace).run("ss", ["-ltnH"])
  }

  @Test("a socket listens in its namespace, at an address that nobody has yet, until it is let go")
  func opens() async throws {
    try await inNamespace { name in
      for address in [Self.service, .v6(0xFD00_0EC2_0000_0000, 0x254)] {
        let socket = try await NamespaceSocket.open(
          NamespaceSocket.Request(namespace: name, address: address, port: 80))
        let scan = NamespaceScan(directory: NamespaceScan.defaultDirectory)
        #expect(socket.identity == scan.namespaces[name])
        #expect(socket.identity != NamespaceScan(directory: "/proc/self/ns").namespaces["net"])
        let listening = try await listening(name)
        #expect(listening.contains("LISTEN 0      4096"), "\(listening)")
        #expect(listening.contains(address.isIPv4 ? "169.254.169.254:80" : "[fd00:ec2::254]:80"))
        _ = consume socket
        #expect(try await self.listening(name) == "")
      }
    }
  }

  @Test("a link-local address takes its interface, numbered as in the namespace")
  func zone() async throws {
    try await inNamespace { name in
      let tools = HostTools()
      // Another number than any interface out here has.
      try await tools.run(
        "ip",
        ["-n", name, "link", "add", "np0", "index", "4711", "type", "veth", "peer", "name", "np1"])
      try await tools.run("ip", ["-n", name, "link", "set", "np0", "up"])
      let socket = try await NamespaceSocket.open(
        NamespaceSocket.Request(namespace: name, address: Self.linkLocal, port: 80, device: "np0"))
      #expect(try await listening(name).contains("[fe80::a9fe:a9fe]%np0:80"))
      _ = consume socket
    }
  }

  private func failure(_ request: NamespaceSocket.Request) async -> NamespaceSocketError? {
    do {
      let socket = try await NamespaceSocket.open(request)
      _ = consume socket
      return nil
    } catch {
      return error
    }
  }

  @Test("what cannot be opened says why")
  func mistakes() async throws {
    try await inNamespace { name in
      var request = NamespaceSocket.Request(namespace: name, address: Self.service, port: 80)
      request.device = "np-none"
      #expect(await failure(request)?.reason == .noDevice("np-none"))
      request.device = "a/b"
      #expect(await failure(request)?.reason == .notADeviceName("a/b"))
      request.device = nil
      request.address = Self.linkLocal
      #expect(await failure(request)?.reason == .needsDevice)
      request.zone = "np-none"
      #expect(await failure(request)?.reason == .noDevice("np-none"))
      request.address = Self.service
      request.expected = NamespaceIdentity(device: 1, inode: 1)
      #expect(await failure(request)?.reason == .replaced)
      request.expected = nil
      let first = try await NamespaceSocket.open(request)
      let error = await failure(request)
      #expect(error?.reason == .addressInUse)
      #expect(
        error?.description.hasPrefix(
          "cannot listen at 169.254.169.254%np-none:80 in the namespace '\(name)': something")
          == true, "\(error?.description ?? "")")
      _ = consume first
    }
  }

  @Test("a name that is none, and a file that is no network namespace, are told apart")
  func noNamespace() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    try folder.link("mounts", to: "/proc/self/ns/mnt")
    try folder.link("file", to: "/etc/passwd")
    func reason(_ name: String) async -> NamespaceSocketError.Reason? {
      await failure(
        NamespaceSocket.Request(
          namespace: name, directory: folder.path, address: Self.service, port: 80))?.reason
    }
    #expect(await reason("none") == .missing)
    #expect(await reason("../\(folder.path)/file") == .missing)
    #expect(await reason("mounts") == .notANetworkNamespace)
    #expect(await reason("file") == .notANetworkNamespace)
  }

  @Test("no thread stays in a namespace, and no descriptor of one stays open")
  func leavesNothing() async throws {
    try await inNamespace { name in
      // Not one port: a child of another test, between fork and exec, has our sockets too.
      for index in 0..<50 {
        let socket = try await NamespaceSocket.open(
          NamespaceSocket.Request(namespace: name, address: Self.service, port: 1000 + index))
        _ = consume socket
      }
      // The link is the namespace's number; a thread that is ending may show it a moment longer.
      let number = NamespaceScan(directory: NamespaceScan.defaultDirectory).namespaces[name]
      let words = try #require(number).description
      for attempt in 0... {
        let open = try await HostTools().run(
          "sh",
          [
            "-c",
            "ls -l /proc/\(getpid())/task/*/ns/net /proc/\(getpid())/fd 2>/dev/null | grep -cF '\(words)' || true",
          ])
        if open == "0\n" { break }
        try #require(attempt < 100, "\(open)")
      }
    }
  }
}
