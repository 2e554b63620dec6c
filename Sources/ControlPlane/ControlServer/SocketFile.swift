import Glibc
import Synchronization

/// Why the control socket could not be opened, in words for the operator.
public struct SocketFileError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
}

/// The file of a listening Unix socket.
///
/// The socket is bound inside a directory that only we may enter, gets its mode there, and is then
/// renamed to its place: at no time can anyone reach it who may not. The rename also takes the
/// place of a file that a daemon left behind when it died.
final class SocketFile: Sendable {
  /// Where the socket must be bound.
  let bindPath: String
  private let path: String
  private let directory: String
  private let identity = Mutex<Identity?>(nil)

  private struct Identity: Equatable {
    var device: UInt
    var inode: UInt
  }

  /// Looks whether the place is free and prepares the directory.
  /// - Parameter replaces: Whether another daemon may listen there, whose place this one takes.
  init(path: String, replaces: Bool = false) throws(SocketFileError) {
    try SocketFile.check(path, replaces: replaces)
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let parent = slash.map { String(path[..<$0]) } ?? "."
    var template = Array("\(parent.isEmpty ? "/" : parent)/.XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else {
      throw SocketFile.error("\(parent)", "no directory can be made there")
    }
    let made = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard SocketFile.fits("\(made)/s") else {
      unsafe rmdir(made)
      throw SocketFileError(description: "\(path): the path is too long for a socket")
    }
    directory = made
    bindPath = "\(made)/s"
    self.path = path
  }

  /// Puts the bound socket into its place.
  func publish() throws(SocketFileError) {
    guard unsafe chmod(bindPath, 0o660) == 0 else {
      throw SocketFile.error(bindPath, "cannot be opened")
    }
    identity.withLock { $0 = SocketFile.identity(bindPath) }
    guard unsafe rename(bindPath, path) == 0 else {
      throw SocketFile.error(path, "the socket cannot be put there")
    }
    unsafe rmdir(directory)
  }

  /// Takes the file away again, unless another daemon's has taken its place.
  func remove() {
    unsafe unlink(bindPath)
    unsafe rmdir(directory)
    let own = identity.withLock(\.self)
    if own != nil, SocketFile.identity(path) == own { unsafe unlink(path) }
  }

  private static func check(_ path: String, replaces: Bool) throws(SocketFileError) {
    guard !path.isEmpty, fits(path), !path.utf8.contains(0) else {
      throw SocketFileError(description: "'\(path)' cannot be a socket's path: it is too long")
    }
    guard let mode = mode(path) else {
      if errno == ENOENT { return }
      throw error(path, "cannot be looked at")
    }
    guard mode & S_IFMT == S_IFSOCK else {
      throw SocketFileError(description: "\(path) is there already and is not a socket")
    }
    guard !replaces else { return }
    switch SocketProbe.connect(to: path) {
    case 0: throw SocketFileError(description: "another daemon listens on \(path)")
    case ECONNREFUSED, ENOENT: return
    case let code:
      throw SocketFileError(
        description: "\(path): nobody can tell whether a daemon listens there (errno \(code))")
    }
  }

  private static func fits(_ path: String) -> Bool { path.utf8.count <= SocketProbe.maximumBytes }

  /// The file's type and mode; nil, with `errno` set, where it cannot be looked at.
  static func mode(_ path: String) -> mode_t? {
    var status = stat()
    return unsafe lstat(path, &status) == 0 ? status.st_mode : nil
  }

  private static func identity(_ path: String) -> Identity? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return nil }
    return Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
  }

  private static func error(_ path: String, _ what: String) -> SocketFileError {
    let reason = unsafe String(cString: strerror(errno))
    return SocketFileError(description: "\(path): \(what): \(reason)")
  }
}

/// Asks whether somebody listens on a Unix socket.
enum SocketProbe {
  /// What fits into `sockaddr_un` with the NUL at its end.
  static let maximumBytes = 107

  /// Connects and hangs up at once: 0, or errno.
  static func connect(to path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
      unsafe room.copyBytes(from: path.utf8.prefix(maximumBytes))
    }
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        unsafe Glibc.connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    return result == 0 ? 0 : errno
  }
}
