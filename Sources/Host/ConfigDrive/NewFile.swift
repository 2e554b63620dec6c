import CArchive
import Glibc

/// A file that takes another's place at once, or not at all.
///
/// It is written under a name of its own beside its place, flushed, then renamed. Its writer holds a
/// lock on it, so that what a killed one left behind can be told and taken away.
final class NewFile: Sendable {
  let path: String
  private let target: String
  private let descriptor: Int32

  private static let prefix = ".nameplate-drive-"

  /// - Parameter target: Where it is to go. Its directory must exist.
  init(for target: String) throws(DriveError) {
    self.target = target
    let directory = NewFile.directory(of: target)
    while true {
      let path = "\(directory)/\(NewFile.prefix)\(NewFile.randomName())"
      let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard descriptor >= 0 else {
        if errno == EEXIST { continue }
        throw .file(path: target, action: "written")
      }
      var status = stat()
      // Another that tidies up may have found it before it was locked.
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0, unsafe fstat(descriptor, &status) == 0,
        status.st_nlink > 0
      {
        self.path = path
        self.descriptor = descriptor
        return
      }
      Glibc.close(descriptor)
      unsafe unlink(path)
    }
  }

  /// A file that has not been put in its place goes.
  deinit {
    unsafe unlink(path)
    Glibc.close(descriptor)
  }

  func write(_ bytes: [UInt8]) throws(DriveError) {
    try NewFile.write(bytes, to: descriptor, path: target)
  }

  func flush() throws(DriveError) {
    guard fsync(descriptor) == 0 else { throw .file(path: target, action: "flushed") }
  }

  /// Whether the file at a path has these bytes.
  func hasSameBytes(as path: String) -> Bool {
    let other = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard other >= 0 else { return false }
    defer { Glibc.close(other) }
    var offset: off_t = 0
    var mine = [UInt8](repeating: 0, count: 256 * 1024)
    var theirs = mine
    while true {
      let count = NewFile.read(descriptor, &mine, offset)
      guard count >= 0, NewFile.read(other, &theirs, offset) == count,
        mine[..<count] == theirs[..<count]
      else { return false }
      if count == 0 { return true }
      offset += off_t(count)
    }
  }

  private static func read(_ descriptor: Int32, _ bytes: inout [UInt8], _ offset: off_t) -> Int {
    unsafe bytes.withUnsafeMutableBytes {
      unsafe pread(descriptor, $0.baseAddress, $0.count, offset)
    }
  }

  /// Puts the file in its place; the directory is flushed by ``flushDirectory(of:)``.
  func rename() throws(DriveError) {
    guard unsafe Glibc.rename(path, target) == 0 else {
      throw .file(path: target, action: "put in its place")
    }
  }

  /// Flushes all that has been written on the file system of a directory, in one go.
  static func flushFileSystem(of directory: String) throws(DriveError) {
    let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(path: directory, action: "opened") }
    defer { Glibc.close(descriptor) }
    guard CArchive.syncfs(descriptor) == 0 else { throw .file(path: directory, action: "flushed") }
  }

  static func flushDirectory(of path: String) throws(DriveError) {
    let directory = directory(of: path)
    let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(path: directory, action: "opened") }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .file(path: directory, action: "flushed") }
  }

  /// Takes away what this user's writers that were killed have left in a directory. Others may write
  /// there, too, so that nothing is reached by a path that could lead elsewhere meanwhile.
  static func tidy(_ directory: String) {
    let parent = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard parent >= 0 else { return }
    defer { Glibc.close(parent) }
    for name in names(in: parent) where name.hasPrefix(prefix) {
      let descriptor = unsafe openat(parent, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
      guard descriptor >= 0 else { continue }
      var status = stat()
      if unsafe fstat(descriptor, &status) == 0, status.st_uid == geteuid(),
        flock(descriptor, LOCK_EX | LOCK_NB) == 0
      {
        remove(name, in: parent)
      }
      Glibc.close(descriptor)
    }
  }

  static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The names in a directory, sorted; none where it cannot be read.
  private static func names(in directory: Int32) -> [String] {
    guard let stream = unsafe fdopendir(dup(directory)) else { return [] }
    defer { unsafe closedir(stream) }
    unsafe rewinddir(stream)
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Removes a file, or a directory with what is in it. Links are removed, not followed.
  private static func remove(_ name: String, in parent: Int32) {
    if unsafe unlinkat(parent, name, 0) == 0 || errno != EISDIR { return }
    let directory = unsafe openat(
      parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard directory >= 0 else { return }
    for name in names(in: directory) { remove(name, in: directory) }
    Glibc.close(directory)
    unsafe unlinkat(parent, name, AT_REMOVEDIR)
  }

  /// Removes a directory of this process's own.
  static func remove(_ path: String) {
    let parent = unsafe open(directory(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard parent >= 0, let name = path.split(separator: "/").last else { return }
    remove(String(name), in: parent)
    Glibc.close(parent)
  }

  static func randomName() -> String {
    var generator = SystemRandomNumberGenerator()
    return String(generator.next() as UInt64, radix: 36)
  }

  /// Writes a file of its own that is not there yet.
  static func write(_ bytes: [UInt8], to path: String) throws(DriveError) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .file(path: path, action: "written") }
    defer { Glibc.close(descriptor) }
    try write(bytes, to: descriptor, path: path)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32, path: String)
    throws(DriveError)
  {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes[written...].withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw .file(path: path, action: "written") }
      written += count
    }
  }
}

/// A directory of this process's own, removed when it goes.
struct StagingDirectory: ~Copyable {
  let path: String
  private let descriptor: Int32

  /// - Parameter target: The drive, beside which the directory stands.
  init(for target: String) throws(DriveError) {
    let path = "\(NewFile.directory(of: target))/.nameplate-drive-\(NewFile.randomName())"
    guard unsafe mkdir(path, 0o700) == 0 else { throw .file(path: target, action: "written") }
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let error = DriveError.file(path: target, action: "written")
      NewFile.remove(path)
      if descriptor >= 0 { Glibc.close(descriptor) }
      throw error
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit {
    NewFile.remove(path)
    Glibc.close(descriptor)
  }
}

extension DriveError {
  /// A system call that has failed, with the kernel's reason.
  static func file(path: String, action: String) -> DriveError {
    .file(path: path, action: action, reason: unsafe String(cString: strerror(errno)))
  }
}
