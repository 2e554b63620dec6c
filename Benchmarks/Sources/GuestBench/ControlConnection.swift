import Glibc

/// A connection to a daemon's control socket.
final class ControlConnection {
  struct Answer {
    let status: Int
    let body: [UInt8]
  }

  private let descriptor: Int32

  init(socket path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw BenchError("no socket can be made") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw BenchError("\(path) is too long for a socket")
    }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let result = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      close(descriptor)
      throw BenchError("nobody listens at \(path)")
    }
  }

  deinit { close(descriptor) }

  /// - Parameter isLast: Whether the answer ends with the connection, as one of unknown length does.
  func ask(_ method: String, _ path: String, body: [UInt8] = [], isLast: Bool = false) throws
    -> Answer
  {
    let head = """
      \(method) \(path) HTTP/1.1\r
      Host: localhost\r
      Content-Type: application/json\r
      Content-Length: \(body.count)\r
      \(isLast ? "Connection: close\r\n" : "")\r

      """
    try write(Array(head.utf8) + body)
    return try read(toEnd: isLast)
  }

  private func write(_ bytes: [UInt8]) throws {
    var start = 0
    while start < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe send(
          descriptor, buffer.baseAddress.map { unsafe $0 + start }, bytes.count - start,
          Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw BenchError("the control socket takes no more") }
      start += count
    }
  }

  private func read(toEnd: Bool) throws -> Answer {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 * 1024)
    var wanted: Int?
    while wanted.map({ bytes.count < $0 }) ?? true {
      let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { break }
      bytes += chunk[..<count]
      if !toEnd, wanted == nil, let gap = bytes.place(of: .headEnd) {
        let head = String(decoding: bytes[..<gap.lowerBound], as: UTF8.self).lowercased()
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
          .flatMap { Int($0.dropFirst(15).drop { $0 == " " }) }
        wanted = gap.upperBound + (length ?? 0)
      }
    }
    guard let gap = bytes.place(of: .headEnd), bytes.count > 12,
      let status = Int(String(decoding: bytes[9..<12], as: UTF8.self))
    else { throw BenchError("the control socket gave no answer") }
    return Answer(status: status, body: Array(bytes[gap.upperBound...]))
  }
}
