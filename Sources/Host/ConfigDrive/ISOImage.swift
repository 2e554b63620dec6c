import CArchive
import Dialects
import Glibc

/// An ISO 9660 image with Rock Ridge and Joliet, made by libarchive in memory.
enum ISOImage {
  static func bytes(of image: DriveImage) throws(DriveError) -> [UInt8] {
    // libarchive's Joliet takes no longer paths; those of our own documents have 40 bytes.
    let hasJoliet = image.files.allSatisfy { $0.path.utf8.count <= 240 }
    let archive = try ISOArchive(label: image.label, hasJoliet: hasJoliet)
    defer { archive.free() }
    for directory in image.directories { try archive.add(directory: directory) }
    // Most documents are the same in several versions; the same bytes are on the drive once.
    var places: [[UInt8]: String] = [:]
    for file in image.files {
      if let place = places[file.bytes] {
        try archive.add(file, asLinkTo: place)
      } else {
        if !file.bytes.isEmpty { places[file.bytes] = file.path }
        try archive.add(file)
      }
    }
    var stamp = ISOStamp(try archive.close(), label: image.label)
    try stamp.apply()
    return stamp.bytes
  }
}

/// libarchive's writer, with every status checked.
@safe private final class ISOArchive {
  private let archive: OpaquePointer
  private let sink = Sink()
  private var inode: Int64 = 1

  /// Where libarchive puts what it writes.
  private final class Sink {
    var bytes: [UInt8] = []
  }

  /// One place for the three kinds of time that a drive has none of.
  private static let time = 0

  init(label: String, hasJoliet: Bool) throws(DriveError) {
    guard let archive = unsafe archive_write_new() else {
      throw .notMade("libarchive has no memory")
    }
    unsafe self.archive = archive
    // Names of Rock Ridge as they are; the padding is for burners of discs.
    try check(unsafe archive_write_set_format_iso9660(archive))
    try check(
      unsafe archive_write_set_options(
        archive,
        "volume-id=\(label),publisher=nameplate,rockridge=useful,!pad,\(hasJoliet ? "joliet" : "!joliet")"
      ))
    try check(unsafe archive_write_set_bytes_per_block(archive, 0))
    let context = unsafe Unmanaged.passUnretained(sink).toOpaque()
    try check(
      unsafe archive_write_open(
        archive, context, nil,
        { _, context, buffer, count in
          guard let context = unsafe context, let buffer = unsafe buffer else { return -1 }
          let sink = unsafe Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
          unsafe sink.bytes.append(
            contentsOf: UnsafeRawBufferPointer(start: buffer, count: count))
          return count
        }, nil))
  }

  func free() { unsafe _ = archive_write_free(archive) }

  func add(directory path: String) throws(DriveError) {
    try add(path: path, mode: S_IFDIR | 0o755, size: 0)
  }

  func add(_ file: DriveFile) throws(DriveError) {
    try add(path: file.path, mode: S_IFREG | 0o644, size: file.bytes.count)
    guard !file.bytes.isEmpty else { return }
    let written = unsafe file.bytes.withUnsafeBytes {
      unsafe archive_write_data(archive, $0.baseAddress, $0.count)
    }
    guard written == file.bytes.count else { throw failure() }
  }

  func add(_ file: DriveFile, asLinkTo place: String) throws(DriveError) {
    try add(path: file.path, mode: S_IFREG | 0o644, size: 0, link: place)
  }

  private func add(
    path: String, mode: mode_t, size: Int, link: String? = nil
  ) throws(DriveError) {
    guard let entry = unsafe archive_entry_new() else {
      throw .notMade("libarchive has no memory")
    }
    defer { unsafe archive_entry_free(entry) }
    unsafe archive_entry_set_pathname_utf8(entry, path)
    unsafe archive_entry_set_mode(entry, mode)
    unsafe archive_entry_set_size(entry, Int64(size))
    unsafe archive_entry_set_mtime(entry, ISOArchive.time, 0)
    unsafe archive_entry_set_uid(entry, 0)
    unsafe archive_entry_set_gid(entry, 0)
    if let link { unsafe archive_entry_set_hardlink_utf8(entry, link) }
    // libarchive remembers what has more than one name as what others may link to, and counts itself.
    unsafe archive_entry_set_nlink(entry, mode & S_IFMT == S_IFREG ? 2 : 1)
    unsafe archive_entry_set_ino64(entry, inode)
    inode += 1
    try check(unsafe archive_write_header(archive, entry))
  }

  /// Writes all out.
  func close() throws(DriveError) -> [UInt8] {
    try check(unsafe archive_write_close(archive))
    return sink.bytes
  }

  private func check(_ status: Int32) throws(DriveError) {
    guard status == ARCHIVE_OK else { throw failure() }
  }

  private func failure() -> DriveError {
    let text = unsafe archive_error_string(archive).map { unsafe String(cString: $0) }
    return .notMade("libarchive: \(text ?? "failed without a reason")")
  }
}
