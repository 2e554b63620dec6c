import Glibc

/// A connection to a service, for one request that is answered within its deadline. The service is
/// a hop away: a connection costs less than a state that it could keep.
struct HTTPConnection: ~Copyable {
  struct Request {
    var method = "GET"
    var path: String
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// The most bytes that the answer's body may have.
    var limit: Int
  }

  private let descriptor: Int32
  let endpoint: Endpoint

  /// How good the endpoint is among those that were tried: 0 is the best.
  let rank: Int
  private let answerMilliseconds: Int64

  init(descriptor: Int32, endpoint: Endpoint, rank: Int, answerMilliseconds: Int64) {
    self.descriptor = descriptor
    self.endpoint = endpoint
    self.rank = rank
    self.answerMilliseconds = answerMilliseconds
  }

  deinit { close(descriptor) }

  consuming func exchange(_ request: Request) throws(AgentError) -> HTTPResponse {
    let deadline = monotonicMilliseconds() + answerMilliseconds
    try send(bytes(of: request), deadline)
    var parser = ResponseParser(bodyLimit: request.limit)
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      try wait(for: POLLIN, deadline)
      let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
      if count < 0, errno == EAGAIN || errno == EINTR { continue }
      guard count >= 0 else { throw AgentError(AgentError.text(of: errno)) }
      if count == 0 { return try parser.readEnd() }
      if let response = try parser.read(buffer[..<count]) { return response }
    }
  }

  private func bytes(of request: Request) -> [UInt8] {
    var text = "\(request.method) \(request.path) HTTP/1.1\r\nHost: \(endpoint.host)\r\n"
    text += "User-Agent: nameplate-guest\r\nConnection: close\r\n"
    for (name, value) in request.headers { text += "\(name): \(value)\r\n" }
    if request.method != "GET" { text += "Content-Length: \(request.body.count)\r\n" }
    return Array((text + "\r\n").utf8) + request.body
  }

  private func send(_ bytes: [UInt8], _ deadline: Int64) throws(AgentError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        try wait(for: POLLOUT, deadline)
      } else if errno != EINTR {
        throw AgentError(AgentError.text(of: errno))
      }
    }
  }

  private func wait(for events: Int32, _ deadline: Int64) throws(AgentError) {
    while true {
      let left = deadline - monotonicMilliseconds()
      guard left > 0 else {
        throw AgentError("no whole answer within \(answerMilliseconds) ms")
      }
      var polled = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      if unsafe poll(&polled, 1, Int32(left)) > 0 { return }
    }
  }
}
