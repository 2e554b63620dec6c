import Foundation
import Glibc
import Synchronization

/// A service that answers what a test says, byte for byte, on 127.0.0.1: for what the real one never
/// does.
final class ScriptedService: Sendable {
  struct Request: Sendable, Hashable {
    var method: String
    var path: String
    /// By name in lower case.
    var headers: [String: String]
    var body: [UInt8]
  }

  enum Reply: Sendable {
    case answer(Int, String, headers: [String] = [])
    case raw(String)
    /// One byte after another, until the other side has had enough.
    case drip
  }

  let port: UInt16
  private let listener: Int32
  private let script: @Sendable (Request) -> Reply
  private let seen = Mutex<[Request]>([])

  /// Every request so far.
  var requests: [Request] { seen.withLock { $0 } }

  /// - Parameter namespace: The network namespace that it listens in, on any address.
  init(
    port: UInt16 = 0, namespace: String? = nil, _ script: @escaping @Sendable (Request) -> Reply
  ) throws {
    self.script = script
    listener =
      if let namespace { try Self.socket(in: namespace) } else { Self.socket() }
    var yes: Int32 = 1
    unsafe setsockopt(
      listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = namespace == nil ? UInt32(0x7F00_0001).bigEndian : INADDR_ANY
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = listener
    let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe bind(descriptor, generic, length) == 0
          && getsockname(descriptor, generic, &length) == 0
      }
    }
    guard bound, listen(listener, 16) == 0 else { throw POSIXError(.EADDRINUSE) }
    self.port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in serve() }
  }

  private static func socket() -> Int32 {
    Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  }

  /// A socket stays in the namespace of the thread that made it.
  private static func socket(in namespace: String) throws -> Int32 {
    let made = Mutex<Int32>(-1)
    let isDone = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      let file = unsafe open("/run/netns/\(namespace)", O_RDONLY | O_CLOEXEC)
      // Swift's Glibc leaves setns(2) out.
      if file >= 0, let symbol = unsafe dlsym(nil, "setns") {
        typealias SetNamespace = @convention(c) (Int32, Int32) -> Int32
        let setns = unsafe unsafeBitCast(symbol, to: SetNamespace.self)
        // CLONE_NEWNET
        if setns(file, 0x4000_0000) == 0 { made.withLock { $0 = socket() } }
      }
      close(file)
      isDone.signal()
    }
    isDone.wait()
    let descriptor = made.withLock { $0 }
    guard descriptor >= 0 else { throw POSIXError(.ENOENT) }
    return descriptor
  }

  func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  private func serve() {
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { break }
      answer(connection)
      close(connection)
    }
    close(listener)
  }

  private func answer(_ connection: Int32) {
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
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
        headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
      }
      let body = Array(text[end.upperBound...].utf8)
      guard body.count >= Int(headers["content-length"] ?? "0") ?? 0 else { continue }
      return Request(method: words[0], path: words[1], headers: headers, body: body)
    }
  }
}

/// What a good service says.
enum Script {
  static let uuid = "11111111-2222-4333-8444-555555555555"

  static func metaData(keys: [String], hostname: String = "web-1.novalocal") -> String {
    let entries = keys.enumerated().map { index, key in
      "{\"name\": \"k\(index)\", \"type\": \"ssh\", \"data\": \"\(key)\\n\"}"
    }
    return """
      {"uuid": "\(uuid)", "hostname": "\(hostname)", "keys": [\(entries.joined(separator: ", "))]}
      """
  }

  /// Nova's documents, without session tokens.
  static func openStack(keys: [String], userData: String? = nil)
    -> @Sendable (
      ScriptedService.Request
    ) -> ScriptedService.Reply
  {
    let document = metaData(keys: keys)
    return { request in
      switch (request.method, request.path) {
      case ("GET", "/openstack/latest/meta_data.json"): .answer(200, document)
      case ("GET", "/openstack/latest/user_data"):
        userData.map { .answer(200, $0) } ?? .answer(404, "")
      default: .answer(404, "")
      }
    }
  }
}
