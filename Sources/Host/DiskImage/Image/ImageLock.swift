import Glibc

// QEMU tells by locks on single bytes who does what with an image (block/file-posix.c). Whoever
// takes the same locks is seen by QEMU and sees it: a guest's disk is not written to while the
// guest runs, and a guest does not start while its disk is written to.

extension ImageFile {
  private static let setLock: Int32 = 37  // F_OFD_SETLK
  private static let getLock: Int32 = 36  // F_OFD_GETLK
  /// Byte 100 + n is locked by who does n, byte 200 + n by who does not let others do it.
  private static let doing: off_t = 100
  private static let denying: off_t = 200
  private static let writing: off_t = 1
  private static let resizing: off_t = 3

  /// Claims the image for as long as it is open.
  func lock() throws(DiskImageError) {
    let own = [
      ImageFile.doing + ImageFile.writing, ImageFile.denying + ImageFile.writing,
      ImageFile.denying + ImageFile.resizing,
    ]
    for byte in own {
      var lock = ImageFile.range(Int16(F_RDLCK), from: byte, count: 1)
      guard unsafe fcntl(descriptor, ImageFile.setLock, &lock) == 0 else {
        throw DiskImageError(.host, "'\(path)' cannot be locked: \(ImageFile.lastError)")
      }
    }
    // After setting, so that of two who come at once at least one sees the other.
    var others = ImageFile.range(Int16(F_WRLCK), from: ImageFile.doing, count: 200)
    guard unsafe fcntl(descriptor, ImageFile.getLock, &others) == 0 else {
      throw DiskImageError(.host, "'\(path)' cannot be locked: \(ImageFile.lastError)")
    }
    guard others.l_type == Int16(F_UNLCK) else {
      throw DiskImageError(
        .inUse, "'\(path)' is in use by a guest or another program; stop the guest first")
    }
    if let loop = ImageFile.loopDevice(of: path) {
      throw DiskImageError(
        .inUse,
        "'\(path)' is in use as /dev/\(loop); take that away first (losetup -d /dev/\(loop))")
    }
  }

  /// Gives the claim up. Closing alone would not while a program that is just being started still
  /// has a copy of the descriptor.
  func unlock() {
    var all = ImageFile.range(Int16(F_UNLCK), from: 0, count: 0)
    _ = unsafe fcntl(descriptor, ImageFile.setLock, &all)
  }

  private static func range(_ type: Int16, from start: off_t, count: off_t) -> flock {
    var lock = flock()
    lock.l_type = type
    lock.l_whence = Int16(SEEK_SET)
    lock.l_start = start
    lock.l_len = count
    return lock
  }

  /// The loop device that stands on a file; these take no locks.
  private static func loopDevice(of path: String) -> String? {
    guard let folder = unsafe opendir("/sys/block") else { return nil }
    defer { unsafe closedir(folder) }
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      guard name.hasPrefix("loop"),
        let file = unsafe fopen("/sys/block/\(name)/loop/backing_file", "r")
      else { continue }
      defer { unsafe fclose(file) }
      var line = [CChar](repeating: 0, count: Int(PATH_MAX) + 2)
      guard unsafe fgets(&line, Int32(line.count), file) != nil else { continue }
      let bytes = line.prefix { $0 != 0 && $0 != 0x0A }.map { UInt8(bitPattern: $0) }
      if String(decoding: bytes, as: UTF8.self) == path { return name }
    }
    return nil
  }
}
