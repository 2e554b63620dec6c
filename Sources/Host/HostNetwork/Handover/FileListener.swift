import CHostNetwork
import Glibc

/// Takes ``FileConnection``s at a path, from one user's programs and root's alone.
public final class FileListener: Sendable {
  private let descriptor: Int32
  private let path: String
  /// The number of the socket's file.
  private let number: ino_t?

  /// Listens at a path, in the place of whatever is there. The socket's mode is 0600.
  public init(path: String) throws(FileConnection.Failed) {
    let descriptor = try FileListener.socket()
    self.descriptor = descriptor
    self.path = path
    unsafe unlink(path)
    // The file gets the socket's mode when it is bound.
    var code: Int32? = fchmod(descriptor, 0o600) == 0 ? nil : errno
    if code == nil { code = unsafe UnixAddress.with(path) { unsafe bind(descriptor, $0, $1) } }
    if code == nil, listen(descriptor, 8) != 0 { code = errno }
    number = FileListener.number(path)
    if let code {
      throw FileConnection.Failed(step: "listening at \(path)", code: code)
    }
  }

  deinit { close(descriptor) }

  /// The next connection of a program of this user, or of root; nil once the task is cancelled.
  public func accept() async -> FileConnection? {
    await withTaskCancellationHandler {
      while !Task.isCancelled {
        let descriptor = descriptor
        let accepted = await OneOffThread.run { () -> (descriptor: Int32, code: Int32) in
          let connection = np_accept_connection(descriptor)
          return (connection, errno)
        }
        guard case .success(let (connection, code)) = accepted else { return nil }
        if connection < 0 {
          // The first is a guest of ours that has gone, the last that the listener was shut down.
          if code == ECONNABORTED || code == EINTR { continue }
          if code == EMFILE || code == ENFILE {
            try? await Task.sleep(for: .seconds(1))
            continue
          }
          return nil
        }
        if let connection = try? FileConnection(descriptor: connection),
          connection.user == geteuid() || connection.user == 0
        {
          return connection
        }
      }
      return nil
    } onCancel: {
      shutdown(descriptor, Int32(SHUT_RDWR))
    }
  }

  /// Takes the file away, unless another daemon's has taken its place.
  public func remove() {
    if FileListener.number(path) == number { unsafe unlink(path) }
  }

  private static func number(_ path: String) -> ino_t? {
    var status = stat()
    return unsafe lstat(path, &status) == 0 ? status.st_ino : nil
  }

  static func socket() throws(FileConnection.Failed) -> Int32 {
    let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = Glibc.socket(AF_UNIX, kind, 0)
    guard descriptor >= 0 else {
      throw FileConnection.Failed(step: "making a socket", code: errno)
    }
    return descriptor
  }
}

/// A path as a Unix socket's address.
enum UnixAddress {
  /// What fits into `sockaddr_un` with the NUL at its end.
  private static let maximumBytes = 107

  /// Calls what takes an address and returns 0 or sets errno.
  /// - Returns: The errno, or nil where it succeeded.
  static func with(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32?
  {
    guard path.utf8.count <= maximumBytes else { return ENAMETOOLONG }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
      unsafe room.copyBytes(from: path.utf8)
    }
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        unsafe body(pointer, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 ? nil : errno
      }
    }
  }
}
