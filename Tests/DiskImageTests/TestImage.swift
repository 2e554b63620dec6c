import Foundation
import Inventory
import OrderedCollections
import TestKit

@testable import DiskImage

/// An image in a folder of its own, made by the tools that make images.
struct TestImage {
  struct Failed: Error, CustomStringConvertible { let description: String }

  let folder: String
  let name: String
  var path: String { "\(folder)/\(name)" }

  /// - Parameters:
  ///   - tree: Shell commands that change the tree below the working folder before it is packed.
  ///   - script: Shell commands that make `name` of the file system `fs`.
  init(
    _ name: String = "disk.img", options: String = "-t ext4", megabytes: Int = 16,
    tree: String = "", script: String = "mv fs disk.img"
  ) async throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    self.name = name
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    do {
      try await sh(
        """
        mkdir root; cd root
        \(TestImage.tree)
        \(tree)
        cd ..
        mke2fs -q \(options) -d root fs \(megabytes)M
        \(script)
        rm -rf root
        """)
    } catch {
      remove()
      throw error
    }
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  /// What every root file system here has.
  private static let tree = """
    mkdir -p etc/network etc/systemd/network usr/sbin root home/bob tmp var/log
    printf 'old\\n' >etc/hostname
    printf 'root:x:0:0:root:/root:/bin/sh\\nbob:x:1000:1001::/home/bob:/bin/sh\\n' >etc/passwd
    printf 'root:*:1::::::\\n' >etc/shadow; chmod 600 etc/shadow
    printf 'auto lo\\n' >etc/network/interfaces; touch usr/sbin/ifup
    chmod 700 root; for n in 1 2 3; do echo "line $n" >var/log/log.$n; done
    """

  @discardableResult
  func sh(_ script: String) async throws -> String {
    let path = "PATH=$PATH:/usr/sbin:/sbin; cd '\(folder)'; "
    let output = try await ChildProcess.run(["sh", "-ec", path + script])
    guard output.status == 0 else { throw Failed(description: "\(script): \(output.error)") }
    return output.out
  }

  /// Everything in the folder, by content: what must not change where a run fails.
  func fingerprint() async throws -> String {
    try await sh(
      """
      find . -mindepth 1 -printf '%p %y %s %m %U %G %T@ %l\\n' | sort
      find . -type f -size -1G | sort | xargs sha256sum
      """)
  }

  /// debugfs on a whole-disk image, for making and for looking.
  @discardableResult
  func debugfs(_ commands: String...) async throws -> String {
    let script = commands.joined(separator: "\n")
    return try await sh("debugfs -w -f - \(name) 2>&1 <<'END'\n\(script)\nEND")
  }

  func apply(_ patches: [HostileImage.Patch]) throws {
    guard !patches.isEmpty else { return }
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    for patch in patches {
      try file.seek(toOffset: UInt64(patch.offset))
      try file.write(contentsOf: patch.bytes)
    }
    try file.close()
  }

  func text(_ path: String, of place: String? = nil) async throws -> String {
    // What is kept in an inode is printed with what is behind it there.
    try await sh("debugfs -R 'cat \(path)' '\(place ?? name)' 2>/dev/null | tr -d '\\0'")
  }

  /// `mode uid gid` of a path.
  func facts(_ path: String, of place: String? = nil) async throws -> String {
    let text = try await sh("debugfs -R 'stat \(path)' '\(place ?? name)' 2>/dev/null")
    let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
    return ["Mode:", "User:", "Group:"].map { word in
      words.firstIndex(of: word).map { words[$0 + 1] } ?? "?"
    }.joined(separator: " ")
  }

  func inject(
    _ request: InjectionRequest = .example(), isDry: Bool = false
  ) async throws -> InjectionReport {
    var injector = Injector(imagePath: path)
    injector.environment = Libguestfs.environment
    return try await injector.inject(request, isDry: isDry)
  }
}

extension InjectionRequest {
  static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGu4nB0wqkLF7Dk1 alice@laptop"

  /// A request for an instance with a key, a network and a file.
  static func example(
    hostname: String = "web-1", keys: [String] = [key], files: [String: String] = [:],
    user: String = "root", password: String? = nil
  ) -> InjectionRequest {
    let network: JSONValue = [
      "kind": "Network", "id": "net-1", "mtu": 1450,
      "subnets": [["cidr": "10.20.0.0/24", "gateway": "10.20.0.1", "dns": ["10.20.0.2"]]],
    ]
    var instance: OrderedDictionary<String, JSONValue> = [
      "kind": "Instance", "id": "6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21",
      "hostname": .string(hostname), "keys": .array(keys.map { .string($0) }),
      "files": .array(
        files.sorted { $0.key < $1.key }.map { path, content in
          ["path": .string(path), "content": .string(content)]
        }),
      "interfaces": [["network": "net-1", "mac": "fa:16:3e:9c:bf:3d", "address": "10.20.0.5"]],
    ]
    instance["adminPassword"] = password.map(JSONValue.string)
    let records = [network, .object(instance)].compactMap { try? Resource(reading: $0) }
      .map { Record(resource: $0, revision: 1, createdAtSeconds: 0) }
    let catalog = Catalog(InventorySnapshot(revision: 1, records: records))
    guard let id = InstanceID("6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21"),
      let view = catalog.view(of: id)
    else { preconditionFailure("the example is no manifest") }
    var request = InjectionRequest(view: view)
    request.user = user
    return request
  }
}
