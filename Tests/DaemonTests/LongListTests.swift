import Foundation
import Inventory
import TestKit
import Testing

/// A list that comes in several pages is printed page by page.
@Suite("Long lists", .timeLimit(.minutes(2)))
struct LongListTests {
  private static let count = Limits.maximumPageSize * 2 + 100
  /// The first page's names are shorter than the last one's.
  private static let names = (0..<count).map {
    "n" + String(repeating: "x", count: $0 / 1000) + "\($0)"
  }

  private static func daemon() async throws -> DaemonProcess {
    let daemon = try await DaemonProcess()
    let lines = names.enumerated().map { number, name in
      let id = String(repeating: "0", count: 12 - "\(number)".count) + "\(number)"
      return
        #"{"kind": "Instance", "id": "00000000-0000-4000-8000-\#(id)", "hostname": "\#(name)"}"#
    }
    let applied = try await daemon.command(
      "apply", "-f", "-", input: lines.joined(separator: "\n"))
    #expect(applied.status == 0, "\(applied.error)")
    return daemon
  }

  @Test("has every instance once, in order, in each form")
  func forms() async throws {
    let daemon = try await Self.daemon()
    defer { daemon.stop() }
    let json = try await daemon.command("list", "instances", "--output", "json")
    let documents = try JSONValue(parsing: json.out).array ?? []
    // Compared apart, for thousands of names say nothing.
    let areAll = documents.map { $0["hostname"]?.string } == Self.names
    #expect(areAll)
    let yaml = try await daemon.command("list", "instances", "--output", "yaml")
    let parts = yaml.out.components(separatedBy: "---\n")
    #expect(parts.count == Self.count)
    #expect(parts.last?.contains("hostname: \(Self.names[Self.count - 1])\n") == true)
    let table = try await daemon.command("list", "instances", "--output", "table")
    let rows = table.out.split(separator: "\n")
    #expect(rows.first?.hasPrefix("ID ") == true)
    let areInOrder =
      rows.dropFirst().map { $0.split(separator: " ")[1] } == Self.names.map { $0[...] }
    #expect(areInOrder)
  }

  @Test("ends when nobody reads it any more")
  func reader() async throws {
    let daemon = try await Self.daemon()
    defer { daemon.stop() }
    let line =
      "'\(Program.path)' list instances --socket '\(daemon.socket)' | head -n 1; echo ${PIPESTATUS[0]}"
    let output = try await Program.run("/bin/bash", ["-c", line])
    let lines = output.out.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines.last == "1")
  }
}
