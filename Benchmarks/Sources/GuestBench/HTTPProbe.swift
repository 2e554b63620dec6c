import Glibc

/// A GET on a new connection to 127.0.0.1, from any of loopback's addresses.
enum HTTPProbe {
  struct Answer {
    let status: Int
    let body: [UInt8]
  }

  /// Nil where nobody listens, or the answer is none.
  /// - Parameter fields: Lines of the head beside the usual ones.
  static func get(
    _ path: String, port: UInt16, from source: UInt32? = nil, fields: [String] = []
  ) -> Answer? {
    guard let descriptor = connect(port: port, from: source) else { return nil }
    defer { close(descriptor) }
    let head = ["GET \(path) HTTP/1.1", "Host: 127.0.0.1:\(port)", "Connection: close"] + fields
    let request = Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    guard
      unsafe send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
    else { return nil }
    return parse(readAll(descriptor))
  }

  /// A port that nobody has at the moment.
  static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    var address = loopback(port: 0)
    let bound = unsafe withGeneric(&address) { unsafe bind(descriptor, $0, length) }
    let named = unsafe withGeneric(&address) { unsafe getsockname(descriptor, $0, &length) }
    guard bound == 0, named == 0 else { throw BenchError("127.0.0.1 has no free port") }
    return UInt16(bigEndian: address.sin_port)
  }

  /// A connection to 127.0.0.1 that is being opened, and does not block.
  static func begin(port: UInt16, from source: UInt32) -> Int32? {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_INET, type | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var own = loopback(port: 0)
    own.sin_addr.s_addr = source.bigEndian
    var address = loopback(port: port)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    guard unsafe withGeneric(&own, { unsafe bind(descriptor, $0, size) }) == 0,
      unsafe withGeneric(&address, { unsafe Glibc.connect(descriptor, $0, size) }) == 0
        || errno == EINPROGRESS
    else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  private static func connect(port: UInt16, from source: UInt32?) -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var timeout = timeval(tv_sec: 5, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
    if let source {
      var own = loopback(port: 0)
      own.sin_addr.s_addr = source.bigEndian
      let isBound = unsafe withGeneric(&own) {
        unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
      guard isBound == 0 else {
        close(descriptor)
        return nil
      }
    }
    var address = loopback(port: port)
    let result = unsafe withGeneric(&address) {
      unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    guard result == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  private static func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private static func withGeneric(
    _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> Int32
  ) -> Int32 {
    unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0) }
    }
  }

  private static func readAll(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    while bytes.count < 16 * 1024 * 1024 {
      let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  private static func parse(_ bytes: [UInt8]) -> Answer? {
    guard let gap = bytes.place(of: .headEnd) else { return nil }
    let head = String(decoding: bytes[..<gap.lowerBound], as: UTF8.self)
    let words = head.prefix { $0 != "\r\n" }.split(separator: " ")
    guard words.count >= 2, let status = Int(words[1]) else { return nil }
    return Answer(status: status, body: Array(bytes[gap.upperBound...]))
  }

  /// A connection that requests follow one another on.
  final class Conversation {
    private let descriptor: Int32

    init(port: UInt16) throws {
      guard let descriptor = connect(port: port, from: nil) else {
        throw BenchError("nobody listens on 127.0.0.1:\(port)")
      }
      self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    func ask(_ method: String, _ path: String, fields: [(String, String)] = []) throws -> Answer {
      let head = [("Host", "127.0.0.1")] + fields
      let request = Array(
        "\(method) \(path) HTTP/1.1\r\n\(head.map { "\($0): \($1)\r\n" }.joined())\r\n".utf8)
      guard unsafe send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
      else { throw BenchError("\(path) cannot be asked for") }
      var bytes: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 64 * 1024)
      while true {
        let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { throw BenchError("\(path) was not answered to its end") }
        bytes += chunk[..<count]
        if let answer = parse(bytes), answer.body.count >= announced(bytes) { return answer }
      }
    }

    /// How long the body is.
    private func announced(_ bytes: [UInt8]) -> Int {
      let gap = bytes.place(of: .headEnd)
      let head = String(decoding: bytes[..<(gap?.lowerBound ?? 0)], as: UTF8.self).lowercased()
      let field = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
      return field.flatMap { Int($0.drop { !$0.isNumber }) } ?? 0
    }
  }
}
