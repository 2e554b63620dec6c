import Foundation
import TestKit
import Testing

/// What the commands say to an operator who has something wrong: where, and what to do.
@Suite("An operator's mistakes")
struct MistakeTests {
  /// A command line without the daemon's socket, its exit code, and what stands in its error.
  struct Mistake: Sendable, CustomTestStringConvertible {
    let words: [String]
    let status: Int32
    let says: String

    init(_ words: String..., status: Int32, says: String) {
      (self.words, self.status, self.says) = (words, status, says)
    }

    var testDescription: String { words.joined(separator: " ") }
  }

  private static let id = DaemonTests.id

  private static let mistakes = [
    Mistake("look", "demo", status: 2, says: "`nameplate list instances`"),
    Mistake(
      "look", id, "latest/meta-data/", status: 1, says: "must start with /, like /latest/"),
    Mistake(
      "look", id, "/latest/none", status: 1,
      says: "nameplate: /latest/none: the guest gets 404 Not Found\n"),
    Mistake(
      "instance", "metadata", "set", id, "role", status: 2,
      says: "nameplate: 'role' is not KEY=VALUE\n"),
    Mistake(
      "get", "keypair", "alice", status: 1, says: "a project's is called PROJECT/alice"),
    Mistake(
      "key", "add", "alice", "--public-key-file", "/none", status: 1,
      says: "nameplate: /none: cannot be read"),
    Mistake("drive", "sync", "/none", status: 1, says: "/none is no directory"),
    Mistake(
      "inject", "/none", id, "--file", "/none:/etc/x", status: 1, says: "'/none' cannot be read"),
    Mistake(
      "doctor", "--from", "np-none", status: 1,
      says: "there is no network namespace 'np-none'; `ip netns list`"),
  ]

  @Test("are answered with where they are and what to do")
  func mistakes() async throws {
    let daemon = try await DaemonProcess(manifest: DaemonTests.manifest)
    defer { daemon.stop() }
    for mistake in Self.mistakes {
      let output = try await Program.run(mistake.words + ["--socket", daemon.socket])
      #expect(output.status == mistake.status, "\(mistake.testDescription): \(output.error)")
      #expect(output.error.contains(mistake.says), "\(mistake.testDescription): \(output.error)")
    }
  }

  @Test(
    "what two manifests declare is told by the file and line of both, with an id and without",
    arguments: ["apply", "diff"])
  func repeated(command: String) async throws {
    let daemon = try await DaemonProcess(manifest: DaemonTests.manifest)
    defer { daemon.stop() }
    let same = "kind: Instance\nhostname: same\ninterfaces: [{address: 10.0.0.9}]\n"
    #expect(try await daemon.command("apply", "-f", "-", input: same).status == 0)
    let (one, two) = ("\(daemon.folder)/one.yaml", "\(daemon.folder)/two.yaml")
    for (repeated, id) in [("kind: Network\nid: a\n", "Network a"), (same, "Instance ")] {
      try Data(repeated.utf8).write(to: URL(fileURLWithPath: one))
      try Data("kind: Network\nid: b\n---\n\(repeated)".utf8).write(to: URL(fileURLWithPath: two))
      let output = try await daemon.command(command, "-f", one, "-f", two)
      #expect(output.status == 1)
      #expect(output.error.hasPrefix("nameplate: \(two):4: \(id)"), "\(output.error)")
      #expect(output.error.hasSuffix(" is declared twice, first in \(one):1\n"), "\(output.error)")
    }
  }

  @Test("a private key, or no key at all, in the place of a public one is told by its file")
  func keys() async throws {
    let daemon = try await DaemonProcess(manifest: DaemonTests.manifest)
    defer { daemon.stop() }
    for (text, says) in [
      ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", ": is a private key; name the public one"),
      ("no key", "nameplate: publicKey: must start with the key's type"),
    ] {
      let file = "\(daemon.folder)/key"
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
      let output = try await daemon.command("key", "add", "k", "--public-key-file", file)
      #expect(output.status == 1)
      #expect(output.error.contains(says), "\(output.error)")
    }
  }

  @Test("a manifest of `serve --apply` that the store refuses is told by file, line and field")
  func applied() async throws {
    let manifest = """
      kind: Instance
      hostname: good
      ---
      kind: Instance
      hostname: bad
      interfaces:
      - {network: nowhere, address: 10.0.0.1}
      """
    let failed = await #expect(throws: Program.Failed.self) {
      _ = try await DaemonProcess(manifest: manifest)
    }
    let text = failed?.text ?? ""
    #expect(text.contains("/manifest.yaml:4: interfaces[0].network: Instance "), "\(text)")
  }

  @Test("status starts with whether the daemon is ready, and its names are those of the documents")
  func status() async throws {
    let daemon = try await DaemonProcess(manifest: DaemonTests.manifest)
    defer { daemon.stop() }
    let lines = try await daemon.command("status").out.split(separator: "\n")
    let names = lines.compactMap { $0.split(separator: " ").first }
    #expect(lines.dropFirst().first?.split(separator: " ") == ["status", "ready"])
    #expect(Set(names).isSuperset(of: ["guests.connections", "counts.instances"]), "\(names)")
  }

  @Test("the help of every command has an example")
  func examples() async throws {
    var waiting: [[String]] = [[]]
    var count = 0
    while let words = waiting.popLast() {
      let help = try await Program.run(words + ["--help"]).out
      guard let list = help.components(separatedBy: "SUBCOMMANDS:\n").dropFirst().first else {
        count += 1
        #expect(help.contains("Example"), "\(words)")
        continue
      }
      for line in list.split(separator: "\n") where line.hasPrefix("  ") && !line.hasPrefix("   ") {
        guard let name = line.split(separator: " ").first, name != "See" else { continue }
        waiting.append(words + [String(name)])
      }
    }
    #expect(count > 40, "\(count)")
  }
}
