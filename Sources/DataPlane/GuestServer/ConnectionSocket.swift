import CEventLoop
import Glibc
import Inventory

/// A connection's socket: what the kernel has said of it, and what it has not taken yet.
///
/// The kernel tells of each change once. What it told is kept here until a call says otherwise. There
/// is one value for each socket, which ends with ``close()``.
struct ConnectionSocket {
  enum Received: Sendable, Hashable {
    /// So many, at least one.
    case bytes(Int)
    /// The guest sends nothing more.
    case end
    case nothing
    case failed
  }

  private let descriptor: CInt
  private(set) var isOpen = true
  /// A write failed: the guest is gone.
  private(set) var hasFailed = false
  /// Whether a read may bring something. With a new connection nobody knows.
  private(set) var mayHaveInput = true
  /// Whether the guest has said that nothing more comes; then a short read is not the last one.
  private var isEnding = false
  private(set) var canSend = false
  private var unsent: [UInt8] = []
  private var sent = 0
  private var isWatched = false
  private var isWatchedForOutput = false
  private var hopLimit = Int.max

  init(descriptor: CInt) { self.descriptor = descriptor }

  var unsentBytes: Int { unsent.count - sent }
  var hasUnsent: Bool { sent < unsent.count }

  /// Notes what the poll says.
  mutating func note(_ events: Poll.Events) {
    if !events.isDisjoint(with: [.inputEnd, .hangup]) { isEnding = true }
    if isEnding || events.contains(.input) { mayHaveInput = true }
    canSend = events.contains(.output)
  }

  // MARK: Reading and writing

  mutating func receive(into buffer: UnsafeMutableRawBufferPointer) -> Received {
    while true {
      let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
      if count > 0 {
        // Less than there was room for is all that there was.
        if count < buffer.count, !isEnding { mayHaveInput = false }
        return .bytes(count)
      }
      guard count < 0 else {
        mayHaveInput = false
        return .end
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        mayHaveInput = false
        return .nothing
      default: return .failed
      }
    }
  }

  /// Sends bytes, or keeps those that are not taken.
  /// - Parameter areLast: Whether our side of the connection is closed next: the end then goes out with
  ///   the bytes, in one packet.
  mutating func send(_ bytes: [UInt8], areLast: Bool) {
    guard isOpen, !hasFailed else { return }
    let count = hasUnsent ? 0 : unsafe bytes.withUnsafeBytes { unsafe write($0, areLast) }
    if count < bytes.count { unsent += bytes[count...] }
  }

  /// Sends what was kept.
  mutating func sendRest(areLast: Bool) {
    guard isOpen, !hasFailed, hasUnsent else { return }
    sent += unsafe unsent.withUnsafeBytes { bytes in
      unsafe write(UnsafeRawBufferPointer(rebasing: bytes[sent...]), areLast)
    }
    guard !hasUnsent else { return }
    unsent = []
    sent = 0
  }

  /// - Returns: How many bytes the kernel took.
  private mutating func write(_ bytes: UnsafeRawBufferPointer, _ areLast: Bool) -> Int {
    while true {
      let count = unsafe Glibc.send(
        descriptor, bytes.baseAddress, bytes.count,
        CInt(MSG_NOSIGNAL) | (areLast ? CInt(MSG_MORE) : 0))
      if count >= 0 { return count }
      switch errno {
      case EINTR: continue
      case EAGAIN: return 0
      default:
        hasFailed = true
        return 0
      }
    }
  }

  /// Tells the guest that nothing more comes; what it sends can still be read.
  func closeOutput() {
    // It fails only where the guest is gone.
    _ = shutdown(descriptor, CInt(SHUT_WR))
  }

  mutating func close() {
    guard isOpen else { return }
    isOpen = false
    unsent = []
    sent = 0
    Glibc.close(descriptor)
  }

  /// Sees to it that the poll knows the socket, and tells of output where some is kept.
  /// - Returns: False where the system has no room for it.
  mutating func isWatched(by thread: LoopThread, as key: Poll.Key) -> Bool {
    guard !isWatched || (hasUnsent && !isWatchedForOutput) else { return true }
    defer {
      isWatched = true
      isWatchedForOutput = hasUnsent
    }
    return thread.watch(key, isNew: !isWatched, forOutput: hasUnsent)
  }

  // MARK: Options

  /// Has the packets that carry a session token go no further than it may.
  ///
  /// The limit stays for the rest of the connection, or is lowered again. A token that got lost on
  /// its way is sent again by the system, with the limit of that moment; and whoever is too far away
  /// for the token gets nothing behind it on the same connection anyway.
  /// - Returns: False where it cannot be done, and the token must not be sent.
  mutating func limitHops(to limit: Int, isIPv4: Bool) -> Bool {
    // The descriptor of a closed one may be another guest's by now.
    guard isOpen else { return false }
    guard limit < hopLimit else { return true }
    hopLimit = limit
    return setOption(
      isIPv4 ? CInt(IPPROTO_IP) : CInt(IPPROTO_IPV6), isIPv4 ? IP_TTL : IPV6_UNICAST_HOPS,
      CInt(clamping: limit))
  }

  static let unacknowledgedMilliseconds: CInt = 3000

  /// Has the kernel give up soon on what the guest does not acknowledge.
  func boundClosing() {
    _ = setOption(
      CInt(IPPROTO_TCP), TCP_USER_TIMEOUT, ConnectionSocket.unacknowledgedMilliseconds)
  }

  private func setOption(_ level: CInt, _ name: CInt, _ value: CInt) -> Bool {
    var value = value
    return unsafe setsockopt(
      descriptor, level, name, &value, socklen_t(MemoryLayout<CInt>.size)) == 0
  }

  /// The number of the interface that the socket is bound to; 0 where it is bound to none.
  var boundInterface: UInt32 {
    var value: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    // SO_BINDTOIFINDEX (Linux 5.0).
    guard unsafe getsockopt(descriptor, SOL_SOCKET, 62, &value, &size) == 0 else { return 0 }
    return UInt32(exactly: value) ?? 0
  }
}
