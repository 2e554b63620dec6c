public import Foundation
import Glibc

/// A terminal as a person's window is one: a size, keys, and what a program writes to it.
public final class PseudoTerminal: Sendable {
  public struct Failed: Error {}

  private let descriptor: Int32
  /// What programs open.
  public let path: String
  /// What is written to it, until the last program that had it is gone.
  public let output: Pipe

  public init(rows: UInt16, columns: UInt16) throws {
    // As posix_openpt and its like do it, which Swift's module of the C library leaves out.
    let (unlock, giveNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)  // TIOCSPTLCK, TIOCGPTN
    var (isLocked, number): (Int32, UInt32) = (0, 0)
    descriptor = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0, unsafe ioctl(descriptor, unlock, &isLocked) == 0,
      unsafe ioctl(descriptor, giveNumber, &number) == 0
    else { throw Failed() }
    path = "/dev/pts/\(number)"
    output = Pipe()
    resize(rows: rows, columns: columns)
  }

  deinit { close(descriptor) }

  /// Starts a program in a session of its own on this terminal. One at a time.
  public func start(_ words: [String], environment: [String: String] = [:]) throws -> ChildProcess {
    let process = try ChildProcess(
      words, environment: ["TERM": "xterm"].merging(environment) { $1 }, terminal: path)
    let writer = output.fileHandleForWriting
    Thread.detachNewThread {
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = unsafe read(self.descriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        // It fails once nobody has the terminal any more.
        guard count > 0 else { break }
        writer.write(Data(buffer.prefix(count)))
      }
      try? writer.close()
    }
    return process
  }

  /// Changes its size; the programs in front are told.
  public func resize(rows: UInt16, columns: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = unsafe ioctl(descriptor, UInt(TIOCSWINSZ), &size)
  }

  /// Types keys: ^C is U+0003, ^Z is U+001A.
  public func type(_ keys: String) {
    let bytes = Array(keys.utf8)
    _ = unsafe write(descriptor, bytes, bytes.count)
  }

  /// Whether it shows keys and takes them line by line, as a shell finds it.
  public var isCooked: Bool {
    var settings = termios()
    guard unsafe tcgetattr(descriptor, &settings) == 0 else { return false }
    let flags = tcflag_t(ICANON | ECHO)
    return settings.c_lflag & flags == flags
  }
}
