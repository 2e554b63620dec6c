import Dialects
import Glibc
import HostProcess

/// A FAT image, made by mkfs.vfat and mtools in a file that is there already.
enum VFATImage {
  /// Nova's size. What is not written takes no room on the disk.
  private static let bytes: off_t = 64 * 1024 * 1024

  private static let environment = [
    // The first day that FAT knows; no clock and no zone of this host's.
    "SOURCE_DATE_EPOCH": "315532800", "TZ": "UTC",
    // No settings of this user's.
    "MTOOLSRC": "/dev/null", "HOME": "/",
  ]

  /// - Parameters:
  ///   - path: An empty file, which becomes the image.
  ///   - staging: An empty directory, which is left with the drive's files in it.
  static func write(_ image: DriveImage, to path: String, staging: String)
    async throws(DriveError)
  {
    guard unsafe truncate(path, bytes) == 0 else { throw .file(path: path, action: "written") }
    try await run(
      "mkfs.vfat", ["--invariant", "-i", serial(of: image), "-n", image.label, path],
      package: "dosfstools")
    let directories = image.directories
    if !directories.isEmpty {
      try await run("mmd", ["-i", path] + directories.map { "::/\($0)" }, package: "mtools")
    }
    for directory in [""] + directories {
      try await copy(image, directory, to: path, staging: staging)
    }
  }

  /// The files of one directory, in their order: that of a whole tree would be the staging's own.
  private static func copy(
    _ image: DriveImage, _ directory: String, to path: String, staging: String
  ) async throws(DriveError) {
    var sources: [String] = []
    for file in image.files {
      let slash = file.path.lastIndex(of: "/")
      guard slash.map({ file.path[..<$0] }) ?? "" == directory else { continue }
      let name = slash.map { file.path[file.path.index(after: $0)...] } ?? file.path[...]
      let folder = "\(staging)/files-\(directory.split(separator: "/").joined(separator: "+"))"
      if sources.isEmpty { unsafe mkdir(folder, 0o700) }
      try NewFile.write(file.bytes, to: "\(folder)/\(name)")
      sources.append("\(folder)/\(name)")
    }
    guard !sources.isEmpty else { return }
    try await run("mcopy", ["-i", path] + sources + ["::/\(directory)"], package: "mtools")
  }

  private static func run(_ tool: String, _ arguments: [String], package: String)
    async throws(DriveError)
  {
    do {
      try await HostTools().run(tool, arguments, environment: environment)
    } catch {
      throw error.isMissingTool
        ? .missingTool(tool, package: package) : .notMade(error.description)
    }
  }

  /// The volume's serial number, which is the same for the same files: FNV-1a over them.
  private static func serial(of image: DriveImage) -> String {
    var hash: UInt32 = 0x811C_9DC5
    let add = { (byte: UInt8) in hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    for file in image.files {
      file.path.utf8.forEach(add)
      add(0)
      file.bytes.forEach(add)
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 8 - digits.utf8.count) + digits
  }
}
