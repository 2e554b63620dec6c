import Glibc

/// A connection that nobody is waited for on, unless ``waitForAnswers(seconds:)`` was called.
struct HostileSocket {
  /// How a step on it went.
  enum Progress {
    case done
    /// The other side must take or send something first.
    case wouldBlock
    /// The connection is closed or broken.
    case over

    func then(_ next: () -> Progress) -> Progress { self == .done ? next() : self }
  }

  private let descriptor: Int32

  /// Nil where no port or descriptor is left.
  init?(to port: UInt16, from source: in_addr) {
    descriptor = socket(
      AF_INET,
      Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    let loopback = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
    let isBound =
      unsafe HostileSocket.with(source, port: 0) { unsafe bind(descriptor, $0, $1) } == 0
    let isUnderWay =
      unsafe isBound
      && (HostileSocket.with(loopback, port: port) { unsafe connect(descriptor, $0, $1) } == 0
        || errno == EINPROGRESS)
    guard isUnderWay else {
      Glibc.close(descriptor)
      return nil
    }
  }

  private static func with(
    _ address: in_addr, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_in(
      sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian, sin_addr: address,
      sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, size) }
    }
  }

  /// What does not fit is not sent.
  func send(_ bytes: [UInt8]) -> Progress {
    progress(unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)))
  }

  /// Takes what has come and throws it away; `over` at the end of it.
  func discardInput() -> Progress {
    while true {
      // Of a TCP socket the kernel itself throws it away.
      let count = recv(descriptor, nil, 1 << 20, Int32(MSG_TRUNC))
      if count == 0 { return .over }
      guard count < 0 else { continue }
      let progress = progress(count)
      return progress == .wouldBlock ? .done : progress
    }
  }

  private func progress(_ count: Int) -> Progress {
    if count >= 0 { return .done }
    return errno == EAGAIN || errno == EINTR ? .wouldBlock : .over
  }

  func closeOutput() -> Progress {
    shutdown(descriptor, Int32(SHUT_WR)) == 0 ? .done : .over
  }

  /// Makes each call wait for the other side, for so long at most.
  func waitForAnswers(seconds: Int) {
    _ = fcntl(descriptor, F_SETFL, 0)
    set(SO_RCVTIMEO, timeval(tv_sec: seconds, tv_usec: 0))
    set(SO_SNDTIMEO, timeval(tv_sec: seconds, tv_usec: 0))
  }

  func close() { Glibc.close(descriptor) }

  func reset() {
    set(SO_LINGER, linger(l_onoff: 1, l_linger: 0))
    close()
  }

  private func set<Value: BitwiseCopyable>(_ option: Int32, _ value: Value) {
    var value = value
    _ = unsafe setsockopt(
      descriptor, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Value>.size))
  }
}
