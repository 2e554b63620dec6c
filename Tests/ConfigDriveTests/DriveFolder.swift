import ConfigDrive
import Dialects
import Foundation
import TestKit

/// A folder of a test's own.
final class DriveFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  subscript(_ name: String) -> String { "\(path)/\(name)" }

  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: self[name])))
  }

  /// What a tool that must succeed says, errors included.
  @discardableResult
  func tool(_ words: String...) async throws -> String {
    let output = try await ChildProcess.run(words, environment: ["LC_ALL": "C.UTF-8"])
    guard output.status == 0 else {
      throw ChildProcess.Failed("\(words): \(output.status) \(output.out)\(output.error)")
    }
    return output.out + output.error
  }

  /// The files of a drive, read by other programs than those that wrote it.
  func contents(of drive: String, _ format: DriveFormat) async throws -> [String: [UInt8]] {
    let out = self["out-\(UUID())"]
    try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    switch format {
    case .iso9660:
      try await tool(
        "xorriso", "-osirrox", "on", "-indev", self[drive], "-extract", "/", out)
    case .vfat: try await tool("mcopy", "-s", "-i", self[drive], "::/", out)
    }
    var files: [String: [UInt8]] = [:]
    let all = FileManager.default.enumerator(atPath: out)
    while let name = all?.nextObject() as? String {
      let url = URL(fileURLWithPath: "\(out)/\(name)")
      guard try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else {
        continue
      }
      files[name] = Array(try Data(contentsOf: url))
    }
    return files
  }
}

/// Drives for tests.
enum Sample {
  static let files: [DriveFile] =
    ["2012-08-10", "latest"].flatMap { version in
      [
        DriveFile(path: "openstack/\(version)/meta_data.json", bytes: Array("{}".utf8)),
        DriveFile(path: "openstack/\(version)/user_data", bytes: (0...255).map { UInt8($0) }),
      ]
    } + [
      DriveFile(path: "openstack/content/0000", bytes: []),
      DriveFile(
        path: "ec2/latest/meta-data.json", bytes: [UInt8](repeating: 0x61, count: 300_000)),
    ]

  static let image = DriveImage(.openStackAndEC2, files: files)

  static var contents: [String: [UInt8]] {
    Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0.bytes) })
  }
}
