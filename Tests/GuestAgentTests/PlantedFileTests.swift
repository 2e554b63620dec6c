import Foundation
import Glibc
import TestKit
import Testing

@testable import GuestAgent

@Suite("What a user may have planted in a home")
struct PlantedFileTests {
  /// A script that plants something in `$H`, with `$O` outside it, and what is said of it.
  static let planted: [(String, String)] = [
    ("ln -s $O $H/.ssh", ".ssh is a link or no directory, and is not followed"),
    ("ln -s nowhere $H/.ssh", ".ssh is a link or no directory, and is not followed"),
    ("touch $H/.ssh", ".ssh is a link or no directory, and is not followed"),
    ("mkdir $H/.ssh; ln -s $O/victim $H/.ssh/authorized_keys", "is a link, and is not followed"),
    ("mkdir $H/.ssh; ln -s nowhere $H/.ssh/authorized_keys", "is a link, and is not followed"),
    ("mkdir $H/.ssh; mkfifo $H/.ssh/authorized_keys", "is no regular file"),
    ("mkdir -p $H/.ssh/authorized_keys", "is no regular file"),
    (
      "mkdir -p $H/.ssh/.authorized_keys.nameplate-guest/a", "cannot remove"
    ),
    (
      "mkdir $H/.ssh; head -c 1048577 /dev/zero > $H/.ssh/authorized_keys",
      "more than 1048576 bytes, and is left alone"
    ),
    ("rmdir $H", "alice has no home to put keys into"),
    ("rmdir $H; touch $H", "alice has no home to put keys into"),
  ]

  @Test("is neither followed nor waited for, and the console says so", arguments: planted)
  func refused(script: String, reason: String) throws {
    let home = try HomeFixture()
    let outside = "\(home.folder)/outside"
    try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
    try Data("root's\n".utf8).write(to: URL(fileURLWithPath: "\(outside)/victim"))
    try sh("H=\(home.home); O=\(outside); \(script)")
    let service = try ScriptedService(Script.openStack(keys: [ExampleKeys.ed25519]))
    defer { service.stop() }
    #expect(try home.agent(port: service.port).run() == .failed)
    #expect(home.told.last?.contains(reason) == true, "\(home.told)")
    #expect(try String(contentsOfFile: "\(outside)/victim", encoding: .utf8) == "root's\n")
    #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == ["victim"])
  }

  @Test("who holds the folder is not waited for, and the next round does it")
  func held() throws {
    let home = try HomeFixture()
    try home.write(keys: "old\n")
    let service = try ScriptedService(Script.openStack(keys: [ExampleKeys.ed25519]))
    defer { service.stop() }
    let holder = unsafe open("\(home.home)/.ssh", O_RDONLY | O_CLOEXEC)
    #expect(flock(holder, LOCK_EX) == 0)
    #expect(try home.agent(port: service.port).run() == .failed)
    #expect(home.told.last?.contains("somebody else holds") == true && home.keys == "old\n")
    // A program that another test starts at this moment may have inherited the descriptor.
    flock(holder, LOCK_UN)
    close(holder)
    #expect(try home.agent(port: service.port).run() == .done)
  }

  @Test("a dry run shows a block's lines without what a terminal would obey")
  func terminal() throws {
    let home = try HomeFixture()
    try home.write(keys: AuthorizedKeysTests.block("\u{1B}[2Jgone\u{7}"))
    let service = try ScriptedService(Script.openStack(keys: []))
    defer { service.stop() }
    _ = try home.agent(port: service.port) { $0.isDryRun = true }.run()
    #expect(home.shown.contains("  - ?[2Jgone?"))
  }

  @Test("a link that stands where the new file is written is replaced, not followed")
  func temporaryLink() throws {
    let home = try HomeFixture()
    try home.write(keys: "")
    let victim = "\(home.folder)/victim"
    try Data("root's\n".utf8).write(to: URL(fileURLWithPath: victim))
    try sh("ln -s \(victim) \(home.home)/.ssh/.authorized_keys.nameplate-guest")
    let service = try ScriptedService(Script.openStack(keys: [ExampleKeys.ed25519]))
    defer { service.stop() }
    #expect(try home.agent(port: service.port).run() == .done)
    #expect(try String(contentsOfFile: victim, encoding: .utf8) == "root's\n")
    #expect(home.keys == AuthorizedKeysTests.block(ExampleKeys.ed25519))
  }

  @Test("a file that somebody changes between reading and replacing is not overwritten")
  func changedMeanwhile() throws {
    let home = try HomeFixture()
    try home.write(keys: "old\n")
    let folder = try Folder("\(home.home)/.ssh")
    let read = try #require(try folder.read("authorized_keys", limit: 100))
    try sh("echo new >> \(home.keysFile)")
    #expect(throws: AgentError.self) {
      try folder.replace(
        "authorized_keys", with: [], mode: 0o600, expecting: read.stamp)
    }
    #expect(home.keys == "old\nnew\n")
    #expect(throws: AgentError.self) {
      try folder.replace("authorized_keys", with: [], mode: 0o600, expecting: nil)
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(home.home)/.ssh")
        == ["authorized_keys"])
  }
}
