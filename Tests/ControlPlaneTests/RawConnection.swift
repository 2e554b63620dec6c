import Foundation
import Glibc
import Testing

/// A connection as a client has it that hangs, or means ill: bytes out, bytes in.
final class RawConnection: Sendable {
  private let descriptor: Int32

  /// What a test waits for at most.
  private static let boundMilliseconds: Int32 = 20_000

  /// Connects to a Unix socket.
  init(path: String) throws {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) {
      unsafe $0.copyBytes(from: path.utf8.prefix($0.count - 1))
    }
    descriptor = try RawConnection.connected(AF_UNIX, &address)
  }

  /// Connects to a port of 127.0.0.1.
  init(port: Int) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
    descriptor = try RawConnection.connected(AF_INET, &address)
  }

  deinit { close(descriptor) }

  private static func connected<Address>(_ family: Int32, _ address: inout Address) throws -> Int32
  {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let result = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
    try #require(result == 0)
    return descriptor
  }

  func send(_ text: String) { _ = send(Array(text.utf8)) }

  /// As much as the other end takes.
  private func send(_ bytes: [UInt8]) -> Int {
    unsafe Glibc.send(
      descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
  }

  /// Sends a request again and again, until the other end takes no more.
  func fill(with request: String) {
    let bytes = Array(request.utf8)
    while send(bytes) == bytes.count {}
  }

  /// Asks, and gives the answer's first bytes.
  func get(_ path: String) async -> String {
    send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
    return await onThread { self.receive() ?? "" }
  }

  /// Whether the other end closes the connection while nothing is sent.
  func isClosed() async -> Bool {
    await onThread {
      while let text = self.receive() {
        if text.isEmpty { return true }
      }
      return false
    }
  }

  /// Reads as much as there should be, a little at a time.
  /// - Returns: How many bytes there were, at most `count`.
  func readSlowly(_ count: Int) async -> Int {
    await onThread {
      let pause: Int32 = 10
      var read = 0
      while read < count {
        guard let text = self.receive(atMost: min(count - read, 4096)), !text.isEmpty else {
          break
        }
        read += text.count
        var poll = pollfd(fd: self.descriptor, events: 0, revents: 0)
        _ = unsafe Glibc.poll(&poll, 1, pause)
      }
      return read
    }
  }

  /// Whether the other end closes a Unix socket while nothing is read from it.
  func isClosedUnread() async -> Bool {
    await onThread {
      var poll = pollfd(fd: self.descriptor, events: 0, revents: 0)
      return unsafe Glibc.poll(&poll, 1, RawConnection.boundMilliseconds) == 1
    }
  }

  /// Whether the other end closes the connection while a byte after the other comes.
  func isClosedWhileTrickling() async -> Bool {
    await onThread {
      let pause: Int32 = 5
      for _ in 0..<(RawConnection.boundMilliseconds / pause) {
        guard self.send([UInt8(ascii: "a")]) == 1 else { return true }
        var poll = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
        if unsafe Glibc.poll(&poll, 1, pause) == 1, self.receive() ?? "" == "" { return true }
      }
      return false
    }
  }

  /// What has come; empty at the end, nil where nothing comes.
  private func receive() -> String? {
    receive(atMost: 65_536).map { String(decoding: $0, as: UTF8.self) }
  }

  private func receive(atMost size: Int) -> [UInt8]? {
    var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard unsafe Glibc.poll(&poll, 1, RawConnection.boundMilliseconds) == 1 else { return nil }
    var buffer = [UInt8](repeating: 0, count: size)
    let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
    return Array(buffer.prefix(max(0, count)))
  }

  private func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result
  {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: body()) }
    }
  }
}
