import Glibc
import Inventory
import MetadataService

/// The secret that drives' seeds are derived from, in a file of the state directory. It is made once
/// and kept: with another one every drive would be another.
enum DriveKeyFile {
  static let name = "drive.key"

  struct Failed: Error, CustomStringConvertible {
    let description: String
  }

  /// Reads the secret, or makes it where there is none yet.
  static func key(in directory: String) throws(Failed) -> Secret<[UInt8]> {
    let path = "\(directory)/\(name)"
    if let key = try read(path) { return key }
    let key = (0..<DriveSeed.keyBytes).map { _ in UInt8.random(in: .min ... .max) }
    try write(key, to: path, through: "\(directory)/.\(name).new")
    return Secret(key)
  }

  private static func read(_ path: String) throws(Failed) -> Secret<[UInt8]>? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw failed(path, "read")
    }
    defer { close(descriptor) }
    var key = [UInt8](repeating: 0, count: DriveSeed.keyBytes + 1)
    let count = unsafe key.withUnsafeMutableBytes {
      unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
    }
    guard count == DriveSeed.keyBytes else {
      throw Failed(
        description:
          "\(path) is not a key of \(DriveSeed.keyBytes) bytes; restore it from a backup, "
          + "or remove it: drives that are written from then on have other seeds")
    }
    return Secret(Array(key.prefix(count)))
  }

  /// The daemon holds the directory's lock, so that nobody else writes there.
  private static func write(_ key: [UInt8], to path: String, through temporary: String)
    throws(Failed)
  {
    let descriptor = unsafe open(
      temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failed(path, "written") }
    defer { close(descriptor) }
    let written = unsafe key.withUnsafeBytes {
      unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
    }
    guard written == key.count, fsync(descriptor) == 0, unsafe rename(temporary, path) == 0 else {
      throw failed(path, "written")
    }
  }

  private static func failed(_ path: String, _ action: String) -> Failed {
    Failed(
      description: "\(path) cannot be \(action): \(unsafe String(cString: strerror(errno)))")
  }
}
