import Foundation
import Inventory
public import Manifest

/// Reads manifests from files and standard input.
public enum ManifestReading {
  /// A file cannot be read.
  struct Unreadable: Error, CustomStringConvertible {
    let description: String
  }

  /// - Parameter path: A file, or `-` for standard input.
  public static func documents(at path: String) throws -> [ManifestDocument] {
    let isInput = path == "-"
    let folder = isInput ? "." : URL(fileURLWithPath: path).deletingLastPathComponent().path
    let file = ManifestFile(name: isInput ? "standard input" : path) { name in
      let place = name.hasPrefix("/") ? name : "\(folder)/\(name)"
      return try read(place, limit: Limits.maximumUserDataBytes)
    }
    let bytes =
      isInput
      ? Array(try FileHandle.standardInput.readToEnd() ?? Data())
      : try read(path, limit: Limits.maximumManifestBytes)
    return try file.documents(in: bytes)
  }

  private static func read(_ path: String, limit: Int) throws -> [UInt8] {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw Unreadable(
        description: "\(path): cannot be read; does it exist, and may this user read it?")
    }
    defer { try? handle.close() }
    let data: Data?
    do {
      data = try handle.read(upToCount: limit + 1)
    } catch {
      throw Unreadable(description: "\(path): cannot be read; is it a file?")
    }
    let bytes = Array(data ?? Data())
    guard bytes.count <= limit else {
      throw Unreadable(description: "\(path): is larger than \(limit) bytes")
    }
    return bytes
  }
}
