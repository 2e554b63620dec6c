import Glibc

/// Connects to all endpoints at once, so that an interface that leads nowhere costs nothing. The
/// better endpoint has a head start: one that somebody on another link serves must not win by
/// being nearer.
struct Connector: ~Copyable {
  private struct Attempt {
    let rank: Int
    let endpoint: Endpoint
    let descriptor: Int32
    var isConnected: Bool
  }

  private let start: Int64
  private let answerMilliseconds: Int64
  private var attempts: [Attempt] = []
  /// Why endpoints did not connect, in their order.
  private(set) var failures: [(rank: Int, endpoint: Endpoint, reason: AgentError)] = []

  /// - Parameter answerMilliseconds: How long an answer may take.
  init(_ endpoints: [Endpoint], answerMilliseconds: Int64 = Bounds.answerMilliseconds) {
    self.answerMilliseconds = answerMilliseconds
    start = monotonicMilliseconds()
    for (rank, endpoint) in endpoints.enumerated() { begin(endpoint, rank: rank) }
  }

  deinit { for attempt in attempts { close(attempt.descriptor) } }

  private mutating func begin(_ endpoint: Endpoint, rank: Int) {
    let descriptor = socket(
      endpoint.family ?? AF_INET,
      Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else {
      fail(endpoint, rank, errno)
      return
    }
    let code = endpoint.connect(descriptor)
    guard code == 0 || code == EINPROGRESS else {
      close(descriptor)
      fail(endpoint, rank, code)
      return
    }
    attempts.append(
      Attempt(rank: rank, endpoint: endpoint, descriptor: descriptor, isConnected: code == 0))
  }

  private mutating func fail(_ endpoint: Endpoint, _ rank: Int, _ code: Int32) {
    failures.append((rank, endpoint, AgentError(AgentError.text(of: code))))
  }

  /// The best endpoint that is connected, once no better one may still come in time.
  mutating func next() -> HTTPConnection? {
    while !attempts.isEmpty {
      // Others may have come while the last one was being asked.
      wait(milliseconds: 0)
      guard let first = attempts.first else { break }
      let elapsed = monotonicMilliseconds() - start
      let best = attempts.first { $0.isConnected }
      if let best, best.rank == first.rank || elapsed >= Bounds.headStartMilliseconds {
        attempts.removeAll { $0.rank == best.rank }
        return HTTPConnection(
          descriptor: best.descriptor, endpoint: best.endpoint, rank: best.rank,
          answerMilliseconds: answerMilliseconds)
      }
      let end = best == nil ? Bounds.connectMilliseconds : Bounds.headStartMilliseconds
      guard elapsed < end else { break }
      wait(milliseconds: end - elapsed)
    }
    for attempt in attempts {
      close(attempt.descriptor)
      fail(attempt.endpoint, attempt.rank, ETIMEDOUT)
    }
    attempts = []
    return nil
  }

  private mutating func wait(milliseconds: Int64) {
    var polled = attempts.map {
      pollfd(fd: $0.isConnected ? -1 : $0.descriptor, events: Int16(POLLOUT), revents: 0)
    }
    guard unsafe poll(&polled, nfds_t(polled.count), Int32(milliseconds)) > 0 else { return }
    for (index, result) in polled.enumerated().reversed() where result.revents != 0 {
      var code: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      unsafe getsockopt(attempts[index].descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
      if code == 0 {
        attempts[index].isConnected = true
      } else {
        let attempt = attempts.remove(at: index)
        close(attempt.descriptor)
        fail(attempt.endpoint, attempt.rank, code)
      }
    }
  }
}
