public import Dialects

/// The file system of a drive.
public enum DriveFormat: String, Sendable, CaseIterable {
  case iso9660
  case vfat

  /// How a drive's file name ends.
  public var fileExtension: String { self == .iso9660 ? "iso" : "img" }
}

/// What is written onto a drive.
public struct DriveImage: Sendable, Hashable {
  /// The volume's label: up to 11 letters that FAT can have.
  public var label: String
  public var files: [DriveFile]

  public init(label: String, files: [DriveFile]) {
    self.label = label
    self.files = files
  }

  /// The drive of a layout.
  public init(_ layout: DriveLayout, files: [DriveFile]) {
    self.init(label: layout.label, files: files)
  }

  /// Every directory that a file is in, parents before what they hold, in an order of their own.
  var directories: [String] {
    var all: Set<String> = []
    for file in files {
      var path = file.path[...]
      while let slash = path.lastIndex(of: "/") {
        path = path[..<slash]
        all.insert(String(path))
      }
    }
    return all.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

/// Why a drive could not be made.
public enum DriveError: Error, Sendable, Hashable, CustomStringConvertible {
  /// libarchive or a tool failed, in its own words.
  case notMade(String)
  case missingTool(String, package: String)
  /// A system call on the drive's own path failed.
  case file(path: String, action: String, reason: String)
  /// What stands in the drive's place is no drive.
  case occupied(path: String, what: String)

  public var description: String {
    switch self {
    case .notMade(let reason): "the drive cannot be made: \(reason)"
    case .missingTool(let tool, let package):
      "`\(tool)` is not installed; it comes with the package \(package)"
    case .file(let path, let action, let reason): "\(path) cannot be \(action): \(reason)"
    case .occupied(let path, let what):
      "\(path) is \(what), not a config drive; --force replaces it"
    }
  }
}
