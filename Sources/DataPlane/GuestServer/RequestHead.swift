import Inventory
import MetadataService

/// A request's line and the headers that frame it. Every other header, X-Forwarded-For and
/// X-Instance-ID among them, is checked for its form and forgotten: nothing that a guest says of
/// itself says who it is.
struct RequestHead: Equatable {
  enum Framing: Equatable {
    case none
    case length(Int)
    case chunked
  }

  private(set) var method: GuestRequest.Method
  private(set) var target: [UInt8]
  private(set) var framing = Framing.none
  private(set) var keepAlive: Bool
  private(set) var expectsContinue = false

  func request(body: [UInt8]) -> ParsedRequest {
    ParsedRequest(method: method, target: target, keepAlive: keepAlive, body: body)
  }

  /// - Parameters:
  ///   - requestLine: Without its line end.
  ///   - headers: The lines between, each but the last with its CR LF.
  init(requestLine: ArraySlice<UInt8>, headers: ArraySlice<UInt8>) throws(Refusal) {
    let isHTTP11: Bool
    (method, target, isHTTP11) = try RequestHead.readLine(requestLine)
    keepAlive = isHTTP11
    var seen = Seen()
    var rest = headers
    while !rest.isEmpty {
      let line = rest.prefix { $0 != 0x0D }
      rest = rest.dropFirst(line.count + 2)
      try read(line, &seen)
    }
    guard seen.count <= Limits.maximumRequestHeaders else { throw .headTooLarge }
    guard seen.hosts == 1 || !isHTTP11 && seen.hosts == 0 else {
      throw .malformedRequest("there must be one Host")
    }
    try frame(seen, isHTTP11)
    if seen.close {
      keepAlive = false
    } else if seen.keepAlive {
      keepAlive = true
    }
    expectsContinue = seen.expectsContinue && isHTTP11 && framing != .none && framing != .length(0)
  }

  private struct Seen {
    var count = 0
    var hosts = 0
    var length: Int?
    var codings = 0
    var close = false
    var keepAlive = false
    var expectsContinue = false
  }

  private mutating func frame(_ seen: Seen, _ isHTTP11: Bool) throws(Refusal) {
    if seen.codings > 0 {
      // A length beside chunks is how requests are smuggled past proxies.
      guard seen.length == nil, seen.codings == 1, isHTTP11 else {
        throw .malformedRequest("the body's length is ambiguous")
      }
      framing = .chunked
    } else if let length = seen.length {
      framing = .length(length)
    }
  }

  // MARK: The request line

  private static func readLine(_ line: ArraySlice<UInt8>) throws(Refusal)
    -> (GuestRequest.Method, [UInt8], isHTTP11: Bool)
  {
    guard let first = line.firstIndex(of: 0x20), let last = line.lastIndex(of: 0x20), first < last
    else { throw .malformedRequest("the request line must be METHOD TARGET VERSION") }
    let method = line[..<first]
    let target = line[(first + 1)..<last]
    guard !method.isEmpty, method.count <= 32, method.allSatisfy(isTokenByte) else {
      throw .malformedRequest("the method is no token")
    }
    guard target.count <= Limits.maximumRequestTargetBytes else { throw .targetTooLong }
    guard !target.isEmpty, target.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw .malformedRequest("the target has a space or a control character")
    }
    return (
      GuestRequest.Method(bytes: method), Array(target), try isHTTP11(line[(last + 1)...])
    )
  }

  private static func isHTTP11(_ version: ArraySlice<UInt8>) throws(Refusal) -> Bool {
    if version.elementsEqual("HTTP/1.1".utf8) { return true }
    if version.elementsEqual("HTTP/1.0".utf8) { return false }
    let isVersion =
      version.count == 8 && version.starts(with: "HTTP/".utf8)
      && version.dropFirst(5).first.map(isDigit) == true
      && version.dropFirst(6).first == UInt8(ascii: ".") && version.last.map(isDigit) == true
    throw isVersion ? .unsupportedVersion : .malformedRequest("the version is not HTTP's")
  }

  // MARK: Headers

  private func read(_ line: ArraySlice<UInt8>, _ seen: inout Seen) throws(Refusal) {
    seen.count += 1
    guard seen.count <= Limits.maximumRequestHeaders else { throw .headTooLarge }
    let name = line.prefix { $0 != UInt8(ascii: ":") }
    guard !name.isEmpty, name.count < line.count, name.allSatisfy(RequestHead.isTokenByte) else {
      throw .malformedRequest("a header line must be NAME: VALUE")
    }
    let value = RequestHead.trim(line.dropFirst(name.count + 1))
    guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
      throw .malformedRequest("a header has a control character")
    }
    switch name.count {
    case 4 where RequestHead.matches(name, "host"):
      seen.hosts += 1
      guard value.allSatisfy(RequestHead.isHostByte) else {
        throw .malformedRequest("the Host is malformed")
      }
    case 6 where RequestHead.matches(name, "expect"):
      seen.expectsContinue = RequestHead.matches(value, "100-continue")
    case 10 where RequestHead.matches(name, "connection"):
      for word in value.split(separator: UInt8(ascii: ",")) {
        let word = RequestHead.trim(word)
        if RequestHead.matches(word, "close") { seen.close = true }
        if RequestHead.matches(word, "keep-alive") { seen.keepAlive = true }
      }
    case 14 where RequestHead.matches(name, "content-length"):
      let length = try RequestHead.length(value)
      guard seen.length == nil || seen.length == length else {
        throw .malformedRequest("there are two Content-Lengths")
      }
      seen.length = length
    case 17 where RequestHead.matches(name, "transfer-encoding"):
      seen.codings += 1
      guard RequestHead.matches(value, "chunked") else {
        throw .malformedRequest("only the chunked coding is known")
      }
    default: break
    }
  }

  private static func length(_ value: ArraySlice<UInt8>) throws(Refusal) -> Int {
    guard !value.isEmpty, value.allSatisfy(isDigit) else {
      throw .malformedRequest("Content-Length must be digits")
    }
    // More digits than an Int has are too many bytes anyway.
    guard let length = Int(String(decoding: value, as: UTF8.self)) else { throw .bodyTooLarge }
    return length
  }

  private static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var bytes = bytes
    while let byte = bytes.first, byte == 0x20 || byte == 0x09 { bytes = bytes.dropFirst() }
    while let byte = bytes.last, byte == 0x20 || byte == 0x09 { bytes = bytes.dropLast() }
    return bytes
  }

  /// Compares without regard to ASCII case; `word` is in lower case.
  private static func matches(_ bytes: ArraySlice<UInt8>, _ word: StaticString) -> Bool {
    guard bytes.count == word.utf8CodeUnitCount else { return false }
    return unsafe UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
      .elementsEqual(bytes.lazy.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 })
  }

  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  /// RFC 9110's token characters.
  static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x5E...0x7A, 0x7C, 0x7E: true
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E: true
    default: false
    }
  }

  /// Names, addresses, brackets, a port, and the zone that some clients leave in.
  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"),
      UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "%"), UInt8(ascii: "~"):
      true
    default: false
    }
  }
}

extension GuestRequest.Method {
  init(bytes: ArraySlice<UInt8>) {
    if bytes.elementsEqual("GET".utf8) {
      self = .get
    } else if bytes.elementsEqual("HEAD".utf8) {
      self = .head
    } else if bytes.elementsEqual("POST".utf8) {
      self = .post
    } else if bytes.elementsEqual("PUT".utf8) {
      self = .put
    } else {
      self = .other
    }
  }
}
