import ConfigDrive
import Dialects
import Foundation
import TestKit
import Testing

@Suite("Writing a drive")
struct DriveWriterTests {
  private let folder: DriveFolder

  init() throws { folder = try DriveFolder() }

  private func other(_ number: Int) -> DriveImage {
    DriveImage(.ec2, files: [DriveFile(path: "ec2/\(number)", bytes: [1])])
  }

  @Test("only its owner may read it, and nothing else is left", arguments: DriveFormat.allCases)
  func mode(_ format: DriveFormat) async throws {
    let writer = DriveWriter(format: format)
    #expect(try await writer.write(Sample.image, to: folder["d"]) == .created)
    let attributes = try FileManager.default.attributesOfItem(atPath: folder["d"])
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(folder.names == ["d"])
    #expect(try await writer.write(Sample.image, to: folder["d"]) == .unchanged)
    #expect(try await writer.write(other(1), to: folder["d"]) == .replaced)
    #expect(folder.names == ["d"])
  }

  @Test("what is no drive is replaced only where that is said")
  func occupied() async throws {
    try Data("a diary".utf8).write(to: URL(fileURLWithPath: folder["diary"]))
    try FileManager.default.createSymbolicLink(
      atPath: folder["link"], withDestinationPath: folder["diary"])
    try await DriveWriter(format: .iso9660).write(
      DriveImage(label: "backup", files: Sample.files), to: folder["volume"])
    let careful = DriveWriter(format: .iso9660)
    for (name, what) in [
      ("diary", "another file"), ("link", "a link"), ("volume", "a volume of the label 'backup'"),
      (".", "no file"),
    ] {
      let error = await #expect(throws: DriveError.self) {
        try await careful.write(Sample.image, to: folder[name])
      }
      #expect(error == .occupied(path: folder[name], what: what))
    }
    #expect(try String(decoding: folder.bytes("diary"), as: UTF8.self) == "a diary")
    let bold = DriveWriter(format: .iso9660, replacesAnything: true)
    #expect(try await bold.write(Sample.image, to: folder["link"]) == .replaced)
    #expect(try String(decoding: folder.bytes("diary"), as: UTF8.self) == "a diary")
    #expect(DrivePlace(at: folder["link"]) == .drive(.iso9660, label: "config-2"))
  }

  @Test("a place that cannot be written is named, with the reason")
  func unwritable() async throws {
    let error = await #expect(throws: DriveError.self) {
      try await DriveWriter(format: .iso9660).write(Sample.image, to: "/nowhere/d")
    }
    #expect(error?.description == "/nowhere/d cannot be written: No such file or directory")
  }

  @Test("what a killed writer left is taken away, what a living one writes is not")
  func tidy() async throws {
    try Data("x".utf8).write(to: URL(fileURLWithPath: folder[".nameplate-drive-dead"]))
    try FileManager.default.createDirectory(
      atPath: folder[".nameplate-drive-dir"], withIntermediateDirectories: true)
    try Data("x".utf8).write(to: URL(fileURLWithPath: folder[".nameplate-drive-dir/x"]))
    try Data("x".utf8).write(to: URL(fileURLWithPath: folder[".nameplate-drive-alive"]))
    let alive = unsafe open(folder[".nameplate-drive-alive"], O_RDONLY | O_CLOEXEC)
    defer { close(alive) }
    #expect(flock(alive, LOCK_EX) == 0)
    DriveWriter.tidy(folder.path)
    #expect(folder.names == [".nameplate-drive-alive"])
  }
}
