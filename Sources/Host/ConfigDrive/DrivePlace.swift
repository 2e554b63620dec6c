import Glibc

/// What stands where a drive is to go.
public enum DrivePlace: Sendable, Hashable {
  case empty
  /// A drive: its file system and its label.
  case drive(DriveFormat, label: String)
  /// Anything else, in words.
  case other(String)

  /// Looks at a path, without following a link.
  public init(at path: String) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      switch errno {
      case ENOENT: self = .empty
      case ELOOP: self = .other("a link")
      default: self = .other("something that cannot be read")
      }
      return
    }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      self = .other("no file")
      return
    }
    if let label = DrivePlace.isoLabel(descriptor) {
      self = DrivePlace.of(.iso9660, label)
    } else if let label = DrivePlace.fatLabel(descriptor) {
      self = DrivePlace.of(.vfat, label)
    } else {
      self = .other("another file")
    }
  }

  private static func of(_ format: DriveFormat, _ label: String) -> DrivePlace {
    ["config-2", "cidata"].contains(label)
      ? .drive(format, label: label) : .other("a volume of the label '\(label)'")
  }

  /// The label in the primary volume descriptor.
  private static func isoLabel(_ descriptor: Int32) -> String? {
    let bytes = read(descriptor, at: 16 * 2048, 72)
    guard bytes.count == 72, bytes[0] == 1, Array(bytes[1..<6]) == Array("CD001".utf8) else {
      return nil
    }
    return trimmed(bytes[40..<72])
  }

  /// The label in the boot sector of FAT12 and FAT16.
  private static func fatLabel(_ descriptor: Int32) -> String? {
    let bytes = read(descriptor, at: 0, 512)
    guard bytes.count == 512, bytes[510] == 0x55, bytes[511] == 0xAA,
      Array(bytes[54..<57]) == Array("FAT".utf8)
    else { return nil }
    return trimmed(bytes[43..<54])
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
    let end = bytes.lastIndex { $0 != 0x20 && $0 != 0 }.map { $0 + 1 } ?? bytes.startIndex
    return String(decoding: bytes[..<end], as: UTF8.self)
  }

  private static func read(_ descriptor: Int32, at offset: off_t, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let read = unsafe bytes.withUnsafeMutableBytes {
      unsafe pread(descriptor, $0.baseAddress, $0.count, offset)
    }
    return read == count ? bytes : []
  }
}
