import Glibc

/// An open directory, in which files are read and replaced by name without following a link that
/// somebody may have put there.
struct Folder: ~Copyable {
  /// What a file was when it was read, to see whether somebody else has changed it since.
  struct Stamp: Hashable {
    var device: UInt
    var node: UInt
    var size: Int
    var seconds: Int
    var nanoseconds: Int
    var mode: UInt32
  }

  struct File {
    var bytes: [UInt8]
    var stamp: Stamp
    var permissions: UInt32 { stamp.mode & 0o7777 }
  }

  let path: String
  private let descriptor: Int32

  /// Opens a directory by its whole path, whose links are the system's own.
  init(_ path: String) throws(AgentError) {
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw AgentError("cannot open \(path)", errno: errno) }
    self.init(path: path, descriptor: descriptor)
  }

  private init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  var status: stat {
    var status = stat()
    unsafe fstat(descriptor, &status)
    return status
  }

  /// A folder in this one; nil where there is none.
  func folder(_ name: String) throws(AgentError) -> Folder? {
    let inner = unsafe openat(
      descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if inner < 0, errno == ENOENT { return nil }
    if inner < 0, errno == ELOOP || errno == ENOTDIR {
      throw AgentError("\(path)/\(name) is a link or no directory, and is not followed")
    }
    guard inner >= 0 else { throw AgentError("cannot open \(path)/\(name)", errno: errno) }
    return Folder(path: "\(path)/\(name)", descriptor: inner)
  }

  /// The same, made where it is missing.
  func makeFolder(_ name: String, mode: UInt32) throws(AgentError) -> Folder {
    guard unsafe mkdirat(descriptor, name, mode) == 0 || errno == EEXIST else {
      throw AgentError("cannot make \(path)/\(name)", errno: errno)
    }
    guard let folder = try folder(name) else {
      throw AgentError("\(path)/\(name) goes away as soon as it is made")
    }
    return folder
  }

  func set(mode: UInt32) throws(AgentError) {
    guard fchmod(descriptor, mode) == 0 else {
      throw AgentError("cannot set the mode of \(path)", errno: errno)
    }
  }

  /// A file in this folder; nil where there is none.
  func read(_ name: String, limit: Int) throws(AgentError) -> File? {
    // A pipe that somebody has put there must not block.
    let file = unsafe openat(
      descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    if file < 0, errno == ENOENT { return nil }
    if file < 0, errno == ELOOP {
      throw AgentError("\(path)/\(name) is a link, and is not followed")
    }
    guard file >= 0 else { throw AgentError("cannot read \(path)/\(name)", errno: errno) }
    defer { close(file) }
    var status = stat()
    guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw AgentError("\(path)/\(name) is no regular file")
    }
    let bytes = try Folder.readAll(file, limit: limit, "\(path)/\(name)")
    return File(bytes: bytes, stamp: Folder.stamp(status))
  }

  private static func readAll(_ file: Int32, limit: Int, _ path: String) throws(AgentError)
    -> [UInt8]
  {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      let count = unsafe Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw AgentError("cannot read \(path)", errno: errno) }
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else {
        throw AgentError("\(path) has more than \(limit) bytes, and is left alone")
      }
      bytes += buffer[..<count]
    }
  }

  private static func stamp(_ status: stat) -> Stamp {
    Stamp(
      device: status.st_dev, node: status.st_ino, size: status.st_size,
      seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec, mode: status.st_mode)
  }

  /// Puts a file in place of what is there, whole or not at all, also when the power goes.
  ///
  /// - Parameter expected: What was read before. Where somebody else has changed it meanwhile,
  ///   nothing is written.
  func replace(_ name: String, with bytes: [UInt8], mode: UInt32, expecting expected: Stamp?)
    throws(AgentError)
  {
    // Only one agent at a time may use the temporary file. Whoever else holds the folder could do so
    // for ever, so this does not wait.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw AgentError("somebody else holds \(path) at this moment")
    }
    defer { flock(descriptor, LOCK_UN) }
    // One name, so that what a killed run leaves is taken away by the next.
    let temporary = ".\(name).nameplate-guest"
    guard unsafe unlinkat(descriptor, temporary, 0) == 0 || errno == ENOENT else {
      throw AgentError("cannot remove \(path)/\(temporary)", errno: errno)
    }
    let file = unsafe openat(
      descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    guard file >= 0 else { throw AgentError("cannot write into \(path)", errno: errno) }
    do throws(AgentError) {
      defer { close(file) }
      try Folder.write(bytes, to: file, mode: mode, "\(path)/\(name)")
      guard stamp(of: name) == expected else {
        throw AgentError("\(path)/\(name) was changed by somebody else at this moment")
      }
      guard unsafe renameat(descriptor, temporary, descriptor, name) == 0 else {
        throw AgentError("cannot replace \(path)/\(name)", errno: errno)
      }
    } catch {
      unsafe unlinkat(descriptor, temporary, 0)
      throw error
    }
    guard fsync(descriptor) == 0 else { throw AgentError("cannot sync \(path)", errno: errno) }
  }

  private static func write(_ bytes: [UInt8], to file: Int32, mode: UInt32, _ path: String)
    throws(AgentError)
  {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.write(file, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw AgentError("cannot write \(path)", errno: errno) }
      rest = rest.dropFirst(count)
    }
    // Whatever the umask is.
    guard fchmod(file, mode) == 0, fsync(file) == 0 else {
      throw AgentError("cannot write \(path)", errno: errno)
    }
  }

  private func stamp(of name: String) -> Stamp? {
    var status = stat()
    guard unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
    return Folder.stamp(status)
  }

  /// Takes a file away.
  func remove(_ name: String) throws(AgentError) {
    guard unsafe unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else {
      throw AgentError("cannot remove \(path)/\(name)", errno: errno)
    }
    guard fsync(descriptor) == 0 else { throw AgentError("cannot sync \(path)", errno: errno) }
  }

  /// Holds a file of this folder against other agents, waiting for those that hold it.
  func lock(_ name: String) throws(AgentError) -> Lock {
    let file = unsafe openat(descriptor, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw AgentError("cannot make \(path)/\(name)", errno: errno) }
    return Lock(descriptor: file)
  }
}

/// What is held until it goes away, or the process ends.
struct Lock: ~Copyable {
  private let descriptor: Int32

  init(descriptor: Int32) {
    self.descriptor = descriptor
    while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
  }

  deinit { close(descriptor) }
}
