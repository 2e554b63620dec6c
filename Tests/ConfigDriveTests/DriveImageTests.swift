import ConfigDrive
import Dialects
import Foundation
import TestKit
import Testing

@Suite("A drive's image")
struct DriveImageTests {
  private let folder: DriveFolder

  init() throws { folder = try DriveFolder() }

  @Test("other programs read back every byte", arguments: DriveFormat.allCases)
  func readBack(_ format: DriveFormat) async throws {
    try await DriveWriter(format: format).write(Sample.image, to: folder["d"])
    #expect(try await folder.contents(of: "d", format) == Sample.contents)
  }

  @Test(
    "blkid finds the label that guests look for",
    arguments: DriveFormat.allCases, DriveLayout.allCases)
  func label(_ format: DriveFormat, _ layout: DriveLayout) async throws {
    try await DriveWriter(format: format).write(
      DriveImage(layout, files: Sample.files), to: folder["d"])
    let found = try await folder.tool("blkid", "-p", "-o", "export", folder["d"])
    #expect(found.contains("\nLABEL=\(layout.label)\n"), "\(found)")
    #expect(found.contains("\nTYPE=\(format.rawValue)\n"), "\(found)")
    #expect(DrivePlace(at: folder["d"]) == .drive(format, label: layout.label))
  }

  @Test("isoinfo finds Rock Ridge, Joliet, the label in small letters, and whole names")
  func isoinfo() async throws {
    try await DriveWriter(format: .iso9660).write(Sample.image, to: folder["d"])
    let volume = try await folder.tool("isoinfo", "-d", "-i", folder["d"])
    for line in [
      "Volume id: config-2", "Rock Ridge signatures version 1", "Joliet with UCS level 3",
    ] {
      #expect(volume.contains(line), "\(volume)")
    }
    for names in ["-R", "-J"] {
      let list = try await folder.tool("isoinfo", "-f", names, "-i", folder["d"])
      #expect(list.split(separator: "\n").contains("/openstack/2012-08-10/meta_data.json"))
    }
    let root = try await folder.tool("isoinfo", "-l", "-R", "-i", folder["d"])
    #expect(!root.contains("20\(20)"), "a time of the clock: \(root)")
  }

  @Test("fsck.vfat finds nothing wrong")
  func fsck() async throws {
    try await DriveWriter(format: .vfat).write(Sample.image, to: folder["d"])
    let found = try await folder.tool("fsck.vfat", "-n", "-v", folder["d"])
    #expect(!found.contains("label") && !found.contains("differences"), "\(found)")
    #expect(found.contains("files, "))
  }

  @Test(
    "odd names survive in Rock Ridge: every script, and 255 bytes",
    arguments: ["näme 🚀.txt", String(repeating: "字", count: 85), "a b\"'\\$;", ".hidden"])
  func oddNames(_ name: String) async throws {
    let files = [DriveFile(path: "openstack/\(name)", bytes: [1, 2, 3])]
    try await DriveWriter(format: .iso9660).write(
      DriveImage(.openStack, files: files), to: folder["d"])
    #expect(try await folder.contents(of: "d", .iso9660) == ["openstack/\(name)": [1, 2, 3]])
  }

  @Test("the same files make the same bytes, at another time")
  func reproducible() async throws {
    for format in DriveFormat.allCases {
      try await DriveWriter(format: format).write(Sample.image, to: folder["a"])
      let writer = try ChildProcess.runHere(["date", "+%s"]).out
      while try ChildProcess.runHere(["date", "+%s"]).out == writer { await Task.yield() }
      #expect(
        try await DriveWriter(format: format, replacesAnything: true).write(
          Sample.image, to: folder["b"]) != .unchanged)
      #expect(try folder.bytes("a") == folder.bytes("b"), "\(format)")
      try FileManager.default.removeItem(atPath: folder["a"])
      try FileManager.default.removeItem(atPath: folder["b"])
    }
  }
}
