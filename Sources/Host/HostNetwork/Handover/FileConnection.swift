import CHostNetwork
import Glibc

/// A Unix socket between two programs of one host, over which open files go from one to the other
/// (SCM_RIGHTS). What is sent as one message comes as one.
public final class FileConnection: Sendable {
  /// A message, with the files that came with it. Who takes it closes them.
  public struct Message: Sendable {
    public var text: String
    public var files: [Int32]
  }

  /// The kernel refused a step.
  public struct Failed: Error, Sendable, Hashable, CustomStringConvertible {
    public let step: String
    /// An errno.
    public let code: Int32

    public var description: String {
      let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
      return "\(step): \(text)"
    }
  }

  /// Files that one message carries at most.
  public static var maximumFiles: Int { Int(np_maximum_passed_files) }
  /// No message has more bytes of text.
  private static let maximumBytes = 256

  /// The process at the other end when the connection was made.
  public let process: Int32
  /// Its user.
  public let user: UInt32
  private let descriptor: Int32

  init(descriptor: Int32) throws(Failed) {
    var (process, user) = (pid_t(), uid_t())
    guard unsafe np_peer(descriptor, &process, &user) == 0 else {
      let code = errno
      close(descriptor)
      throw Failed(step: "asking who is at the other end", code: code)
    }
    self.descriptor = descriptor
    self.process = process
    self.user = user
  }

  deinit { close(descriptor) }

  /// Connects to who listens at a path; nil where nobody does.
  public static func connect(to path: String) throws(Failed) -> FileConnection? {
    let descriptor = try FileListener.socket()
    guard let code = unsafe UnixAddress.with(path, { unsafe Glibc.connect(descriptor, $0, $1) })
    else {
      return try FileConnection(descriptor: descriptor)
    }
    close(descriptor)
    if code == ENOENT || code == ECONNREFUSED { return nil }
    throw Failed(step: "connecting to \(path)", code: code)
  }

  /// Sends a message. The files stay open here, too.
  public func send(_ text: String, files: [Int32] = []) async throws(Failed) {
    let descriptor = descriptor
    let code = await blocking { _ in
      let bytes = Array(text.utf8)
      let sent = unsafe np_send_with_files(
        descriptor, bytes, bytes.count, files, files.count)
      return sent < 0 ? errno : 0
    }
    guard code == 0 else { throw Failed(step: "telling process \(process)", code: code) }
  }

  /// The next message; nil where the other end is closed, or the task is cancelled.
  public func receive() async throws(Failed) -> Message? {
    let descriptor = descriptor
    let received: Result<Message?, Failed> = await blocking { _ in
      var bytes = [UInt8](repeating: 0, count: FileConnection.maximumBytes)
      var files = [Int32](repeating: -1, count: FileConnection.maximumFiles)
      var count = 0
      let length = unsafe np_receive_with_files(
        descriptor, &bytes, bytes.count, &files, &count)
      guard length >= 0 else {
        let code = errno
        return code == ECONNRESET
          ? .success(nil) : .failure(Failed(step: "listening to the other daemon", code: code))
      }
      let text = String(decoding: bytes[..<length], as: UTF8.self)
      return .success(length == 0 ? nil : Message(text: text, files: Array(files[..<count])))
    }
    return try received.get()
  }

  /// Runs what blocks on a thread of its own, until the task is cancelled.
  private func blocking<Value: Sendable>(_ body: @escaping @Sendable (FileConnection) -> Value)
    async -> Value
  {
    await withTaskCancellationHandler {
      switch await OneOffThread.run({ body(self) }) {
      case .success(let value): value
      // Without a thread it is done here; there is little to wait for.
      case .failure: body(self)
      }
    } onCancel: {
      shutdown(descriptor, Int32(SHUT_RDWR))
    }
  }
}
