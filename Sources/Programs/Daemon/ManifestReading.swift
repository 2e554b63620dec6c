public import ControlAPI
import Foundation
import Inventory
public import Manifest

/// Reads manifests from files and standard input.
public enum ManifestReading {
  /// Reads several as one: what one of them declares, no other may.
  /// - Parameter paths: Files, or `-` for standard input.
  public static func entries(at paths: [String]) throws -> [ManifestEntry] {
    var entries: [ManifestEntry] = []
    var places: [ResourceID: String] = [:]
    for path in paths {
      for entry in try Self.entries(at: path) {
        if let first = places.updateValue(entry.place, forKey: entry.resource.id) {
          throw Repeated(id: entry.resource.id, place: entry.place, first: first)
        }
        entries.append(entry)
      }
    }
    return entries
  }

  /// - Parameter path: A file, or `-` for standard input.
  public static func entries(at path: String) throws -> [ManifestEntry] {
    guard path != "-" else {
      let data = try FileHandle.standardInput.readToEnd() ?? Data()
      return try readManifest(text: try text(Array(data), "standard input"), name: "standard input")
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let bytes: [UInt8]
    do {
      bytes = try read(path, limit: Limits.maximumManifestBytes)
    } catch {
      throw Unreadable(description: "\(path): \(error.message)")
    }
    return try readManifest(text: try text(bytes, path), name: path) {
      (name, limit) throws(ManifestFileError) in
      try read(name.hasPrefix("/") ? name : "\(folder)/\(name)", limit: limit)
    }
  }

  /// A manifest cannot be read at all.
  struct Unreadable: Error, CustomStringConvertible {
    let description: String
  }

  /// Two manifests declare the same.
  struct Repeated: Error, CustomStringConvertible {
    let id: ResourceID
    let place: String
    let first: String

    var description: String { "\(place): \(id) is declared twice, first in \(first)" }
  }

  private static func text(_ bytes: [UInt8], _ name: String) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Unreadable(description: "\(name): is not UTF-8")
    }
    return text
  }

  private static func read(_ path: String, limit: Int) throws(ManifestFileError) -> [UInt8] {
    guard let handle = FileHandle(forReadingAtPath: path),
      let data = try? handle.read(upToCount: limit + 1)
    else {
      throw ManifestFileError(message: "cannot be read; does it exist, and may this user read it?")
    }
    try? handle.close()
    guard data.count <= limit else {
      throw ManifestFileError(message: "is larger than \(limit) bytes")
    }
    return Array(data)
  }
}

/// Why a document was not applied, and where it stands.
public struct RefusedDocument: Error, CustomStringConvertible {
  public let description: String

  /// - Parameter entries: What was sent, in the order that the problem's index counts in.
  /// - Returns: nil where the problem is about none of them.
  public init?(_ problem: Problem, among entries: ArraySlice<ManifestEntry>) {
    let place = { (index: Int?) -> String? in
      guard let index, index >= 0, index < entries.count else { return nil }
      return entries[entries.startIndex + index].place
    }
    guard let refused = place(problem.index) else { return nil }
    if let first = place(problem.firstIndex), let id = problem.holder {
      // Two instances without an id that are the same one; ids were looked at before they were sent.
      description = "\(refused): \(id) is declared twice, first in \(first)"
    } else {
      description = [refused, problem.field, problem.detail].compactMap(\.self)
        .joined(separator: ": ")
    }
  }
}
