import ControlClient
import Foundation
import Inventory
import TestKit
import Testing

/// What the tests of the store's faults do to a daemon and ask of it.
enum StoreFaults {
  static let noBackups = ["--backup-interval-hours", "0"]

  /// Writes a network, a key pair and instances in one go.
  /// - Returns: Why they were refused, or that the daemon is gone; nil where they were acknowledged.
  static func write(_ name: String, count: Int = 1, to daemon: DaemonProcess) async -> String? {
    var documents: [JSONValue] = [
      ["kind": "Network", "id": .string(name)],
      ["kind": "KeyPair", "name": .string(name), "publicKey": "ssh-ed25519 AAAA k"],
    ]
    documents += (0..<count).map { number in
      [
        "kind": "Instance", "hostname": .string(name),
        "interfaces": [
          [
            "network": .string(name),
            "address": .string("10.0.\(number / 250).\(number % 250 + 1)"),
          ]
        ],
      ]
    }
    do {
      _ = try await ControlClient.withConnection(to: daemon.socket) { [documents] client in
        try await client.apply(documents, dryRun: false)
      }
      return nil
    } catch {
      return "\(error)"
    }
  }

  /// How many documents of each ``write(_:count:to:)`` are there, by its name.
  static func found(in daemon: DaemonProcess) async throws -> [String: Int] {
    try await ControlClient.withConnection(to: daemon.socket) { client in
      var found: [String: Int] = [:]
      for kind in ResourceKind.allCases {
        for record in try await client.listAll(kind) where record.resource.id.text != "default" {
          let resource = record.resource
          let name = resource.instance?.hostname ?? resource.name ?? resource.id.text
          if name != "demo" { found[name, default: 0] += 1 }
        }
      }
      return found
    }
  }

  /// SQLite's verdict on a copy of an ended daemon's store.
  static func integrity(of daemon: DaemonProcess) throws -> String {
    let copy = "\(daemon.folder)/copy"
    try? FileManager.default.removeItem(atPath: copy)
    try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
    let state = "\(daemon.folder)/state"
    for name in try FileManager.default.contentsOfDirectory(atPath: state)
    where name.hasPrefix("nameplate.sqlite") {
      try FileManager.default.copyItem(atPath: "\(state)/\(name)", toPath: "\(copy)/\(name)")
    }
    return try StoreFile("\(copy)/nameplate.sqlite").integrity()
  }

  /// Writes are refused with a sentence that holds a text, health says the same, and guests are
  /// answered all the while.
  static func expectRefusals(
    _ daemon: DaemonProcess, naming text: String, count: Int = 1
  ) async throws {
    let refusal = await write("refused", count: count, to: daemon)
    #expect(refusal?.contains(text) == true, "\(refusal ?? "acknowledged")")
    #expect(try await daemon.curl("/latest/meta-data/hostname") == "demo")
    let status = try await daemon.command("status", "--output", "json")
    #expect(status.status == 0 && status.out.contains(text), "\(status.out)")
    #expect(try await found(in: daemon)["refused"] == nil)
  }

  /// Health says so by itself, without a write, and then writes succeed; also after a restart.
  static func expectRecovery(_ daemon: DaemonProcess) async throws {
    #expect(await daemon.log(until: "the store takes writes again").contains("again"))
    let status = try await daemon.command("status", "--output", "json")
    #expect(status.out.contains(#""store": "ok""#), "\(status.out)")
    #expect(await write("again", to: daemon) == nil)
    daemon.signal(SIGKILL)
    await daemon.ended()
    try await daemon.start()
    let found = try await found(in: daemon)
    #expect(found["again"] == 3 && found["refused"] == nil)
  }
}
