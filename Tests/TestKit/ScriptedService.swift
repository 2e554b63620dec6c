import CHostNetwork
import Foundation
import Glibc
import Synchronization

/// A service that answers what a test says, byte for byte: for what the real one never does.
public final class ScriptedService: Sendable {
  public struct Request: Sendable, Hashable {
    public var method: String
    public var path: String
    /// By name in lower case.
    public var headers: [String: String]
    public var body: [UInt8]
    /// The address that it came from, without a zone.
    public var source: String
  }

  public enum Reply: Sendable {
    case answer(Int, String, headers: [String] = [])
    case raw(String)
    /// One byte after another, until the other side has had enough.
    case drip
  }

  public let port: UInt16
  private let listener: Int32
  private let script: @Sendable (Request) -> Reply
  private let seen = Mutex<[Request]>([])

  /// Every request so far.
  public var requests: [Request] { seen.withLock { $0 } }

  /// - Parameters:
  ///   - port: 0 for one that nobody has.
  ///   - namespace: The network namespace that it listens in; nil for this process's.
  ///   - device: The interface that connections must come in by; the address need not be there yet.
  public init(
    at address: String = "127.0.0.1", port: UInt16 = 0, namespace: String? = nil,
    device: String? = nil, _ script: @escaping @Sendable (Request) -> Reply
  ) throws {
    self.script = script
    let listen: @Sendable () throws -> (descriptor: Int32, port: UInt16) = {
      try ListeningSocket.open(address, port: port, device: device)
    }
    (listener, self.port) =
      if let namespace { try NetworkNamespace.runHere(namespace, listen) } else { try listen() }
    Thread.detachNewThread { [self] in serve() }
  }

  public func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  private func serve() {
    while true {
      let connection = np_accept_connection(listener)
      guard connection >= 0 else { break }
      // Nobody waits for another one that does not say what it wants.
      Thread.detachNewThread { [self] in
        answer(connection)
        close(connection)
      }
    }
    close(listener)
  }

  private func answer(_ connection: Int32) {
    var patience = timeval(tv_sec: 5, tv_usec: 0)
    unsafe setsockopt(
      connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    guard let request = read(connection) else { return }
    seen.withLock { $0.append(request) }
    switch script(request) {
    case .answer(let status, let body, let headers):
      let head = ["HTTP/1.1 \(status) X", "Content-Length: \(body.utf8.count)"] + headers
      send(connection, head.joined(separator: "\r\n") + "\r\n\r\n\(body)")
    case .raw(let text): send(connection, text)
    case .drip:
      send(connection, "HTTP/1.1 200 OK\r\n")
      while send(connection, "A: b\r\n") {
        var polled = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
        // The client never sends more: what can be read is its end.
        if unsafe poll(&polled, 1, 10) > 0 { break }
      }
    }
  }

  @discardableResult
  private func send(_ connection: Int32, _ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return unsafe Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }

  private func read(_ connection: Int32) -> Request? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      bytes += buffer[..<count]
      let text = String(decoding: bytes, as: UTF8.self)
      guard let end = text.range(of: "\r\n\r\n") else { continue }
      let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
      let words = lines[0].split(separator: " ").map(String.init)
      var headers: [String: String] = [:]
      guard words.count > 1 else { return nil }
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
      }
      let body = Array(text[end.upperBound...].utf8)
      guard body.count >= Int(headers["content-length"] ?? "0") ?? 0 else { continue }
      let source = unsafe ListeningSocket.name { unsafe getpeername(connection, $0, $1) }.host
      return Request(
        method: words[0], path: words[1], headers: headers, body: body, source: source)
    }
  }
}
