import Glibc

/// An open file that holds a disk, read at places and never through a shared position.
final class ImageFile: Sendable {
  /// The file's own path, all links resolved.
  let path: String
  let descriptor: Int32
  let sizeBytes: Int64
  let owner: uid_t
  let group: gid_t
  let mode: mode_t
  private let changedSeconds: Int
  private let changedNanoseconds: Int
  /// What it takes on the host's disk.
  let allocatedBytes: Int64

  /// Opens a regular file for reading.
  init(_ name: String) throws(DiskImageError) {
    guard let real = unsafe realpath(name, nil) else {
      throw DiskImageError(.host, "'\(name)' cannot be opened: \(ImageFile.lastError)")
    }
    path = unsafe String(cString: real)
    unsafe free(real)
    // A pipe or a device must not make us wait.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw DiskImageError(.host, "'\(name)' cannot be opened: \(ImageFile.lastError)")
    }
    var facts = stat()
    guard unsafe fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw DiskImageError(
        .notAnImage, "'\(name)' is not a regular file; copy a volume or device into an image first")
    }
    guard facts.st_nlink == 1 else {
      close(descriptor)
      throw DiskImageError(
        .request,
        "'\(name)' has \(facts.st_nlink) names (hard links); the others would keep the old "
          + "content. Copy it first")
    }
    self.descriptor = descriptor
    sizeBytes = Int64(facts.st_size)
    allocatedBytes = Int64(facts.st_blocks) * 512
    changedSeconds = facts.st_mtim.tv_sec
    changedNanoseconds = facts.st_mtim.tv_nsec
    owner = facts.st_uid
    group = facts.st_gid
    mode = facts.st_mode & 0o7777
  }

  deinit {
    unlock()
    close(descriptor)
  }

  /// The bytes at a place; fewer where the file ends before.
  func read(at offset: Int64, count: Int) throws(DiskImageError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let more = unsafe bytes[done...].withUnsafeMutableBytes {
        unsafe pread(descriptor, $0.baseAddress, $0.count, off_t(offset) + off_t(done))
      }
      guard more >= 0 else {
        if errno == EINTR { continue }
        throw DiskImageError(.host, "'\(path)' cannot be read: \(ImageFile.lastError)")
      }
      guard more > 0 else { break }
      done += more
    }
    bytes.removeLast(count - done)
    return bytes
  }

  /// Whether a file was last written to when this one, as it was opened, had been.
  func hasOpeningTime(_ facts: stat) -> Bool {
    facts.st_mtim.tv_sec == changedSeconds && facts.st_mtim.tv_nsec == changedNanoseconds
  }

  /// What the last system call said.
  static var lastError: String { unsafe String(cString: strerror(errno)) }
}
