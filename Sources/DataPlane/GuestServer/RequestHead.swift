import Inventory
import MetadataService

/// What of a request line and its fields matters: how the request is framed and what it asks for.
///
/// What a field of it says of who the guest is, as in X-Forwarded-For, means nothing here and is
/// not kept.
struct RequestHead: Sendable {
  /// Longer than any registered method (UPDATEREDIRECTREF has 17 letters).
  static let maximumMethodBytes = 32
  /// A request line at every limit, without its line end.
  static let maximumRequestLineBytes =
    maximumMethodBytes + 1 + Limits.maximumRequestTargetBytes + 1 + 8

  var method = Question.Method.other
  var target: [UInt8] = []
  /// What an answer may depend on.
  var fields = RequestFields()
  var isHTTP10 = false
  /// A body's announced length; what is over the limit may be any number over it.
  var contentLength: Int?
  var isChunked = false
  var expectsContinue = false
  private var hosts = 0
  private var saysClose = false
  private var saysKeepAlive = false

  /// Whether the connection outlives the request.
  var keepsAlive: Bool { !saysClose && (!isHTTP10 || saysKeepAlive) }

  // MARK: The request line

  init() {}

  /// Reads a request line, without its line end.
  init(line: Range<Int>, of bytes: Span<UInt8>) throws(Refusal) {
    guard let method = RequestHead.method(of: line, in: bytes) else {
      throw .malformedRequest("the request line starts with no method")
    }
    let start = method.upperBound + 1
    var end = start
    while end < line.upperBound, bytes[end] > Byte.space, bytes[end] != 0x7F { end += 1 }
    guard end - start <= Limits.maximumRequestTargetBytes else { throw .targetTooLong }
    guard end > start, end < line.upperBound, bytes[end] == Byte.space else {
      throw .malformedRequest("the request line has no target, or one with a control character")
    }
    isHTTP10 = try RequestHead.isHTTP10((end + 1)..<line.upperBound, of: bytes)
    target = bytes.bytes(in: start..<end)
    if bytes.equals("GET", in: method) {
      self.method = .get
    } else if bytes.equals("HEAD", in: method) {
      self.method = .head
    } else if bytes.equals("POST", in: method) {
      self.method = .post
    } else if bytes.equals("PUT", in: method) {
      self.method = .put
    }
  }

  /// Why a line that is too long for any request line is refused. Only the bytes that every split
  /// of the input has brought by then are looked at, so that the answer does not depend on it.
  static func refusal(ofOverlongLineFrom start: Int, in bytes: Span<UInt8>) -> Refusal {
    let line = start..<min(bytes.count, start + maximumRequestLineBytes + 1)
    guard let method = method(of: line, in: bytes) else {
      return .malformedRequest("the request line starts with no method")
    }
    for index in (method.upperBound + 1)..<line.upperBound where bytes[index] == Byte.space {
      return index - method.upperBound - 1 <= Limits.maximumRequestTargetBytes
        ? .malformedRequest("the request line does not end after the version") : .targetTooLong
    }
    return .targetTooLong
  }

  /// The token before the line's first space.
  private static func method(of line: Range<Int>, in bytes: Span<UInt8>) -> Range<Int>? {
    var end = line.lowerBound
    while end < line.upperBound, Byte.isToken(bytes[end]) { end += 1 }
    let method = line.lowerBound..<end
    guard end < line.upperBound, bytes[end] == Byte.space, !method.isEmpty,
      method.count <= maximumMethodBytes
    else { return nil }
    return method
  }

  private static func isHTTP10(_ version: Range<Int>, of bytes: Span<UInt8>) throws(Refusal)
    -> Bool
  {
    if bytes.equals("HTTP/1.1", in: version) { return false }
    if bytes.equals("HTTP/1.0", in: version) { return true }
    let name = version.lowerBound..<min(version.upperBound, version.lowerBound + 5)
    guard version.count == 8, bytes.equals("HTTP/", in: name),
      Byte.isDigit(bytes[name.upperBound]), bytes[name.upperBound + 1] == UInt8(ascii: "."),
      Byte.isDigit(bytes[name.upperBound + 2])
    else { throw .malformedRequest("the request line does not end in a version") }
    throw .unsupportedVersion
  }

  // MARK: Fields

  /// Takes a field line, without its line end.
  mutating func take(field line: Range<Int>, of bytes: Span<UInt8>) throws(Refusal) {
    let (name, value) = try RequestHead.split(field: line, of: bytes)
    switch name.count {
    case 4 where bytes.equalsIgnoringCase("host", in: name):
      hosts += 1
      guard RequestHead.isHost(value, of: bytes) else {
        throw .malformedRequest("the Host field holds no host")
      }
      fields.host = bytes.bytes(in: value)
    case 6 where bytes.equalsIgnoringCase("expect", in: name):
      if bytes.equalsIgnoringCase("100-continue", in: value) { expectsContinue = true }
    case 10 where bytes.equalsIgnoringCase("connection", in: name):
      take(connection: value, of: bytes)
    case 14 where bytes.equalsIgnoringCase("content-length", in: name):
      try take(contentLength: value, of: bytes)
    case 17 where bytes.equalsIgnoringCase("transfer-encoding", in: name):
      guard !isChunked, bytes.equalsIgnoringCase("chunked", in: value) else {
        throw .malformedRequest("the transfer encoding is not chunked, once")
      }
      isChunked = true
    case 15 where bytes.equalsIgnoringCase("x-forwarded-for", in: name): fields.isForwarded = true
    case 16 where bytes.equalsIgnoringCase("x-metadata-token", in: name),
      24 where bytes.equalsIgnoringCase("x-aws-ec2-metadata-token", in: name):
      try RequestHead.take(
        value, of: bytes, limit: Limits.maximumSessionTokenBytes, into: &fields.sessionToken)
    case 28 where bytes.equalsIgnoringCase("x-metadata-token-ttl-seconds", in: name):
      try take(tokenTTL: value, by: .plain, of: bytes)
    case 36 where bytes.equalsIgnoringCase("x-aws-ec2-metadata-token-ttl-seconds", in: name):
      try take(tokenTTL: value, by: .aws, of: bytes)
    default: break
    }
  }

  private mutating func take(
    tokenTTL value: Range<Int>, by field: TokenTTLField, of bytes: Span<UInt8>
  ) throws(Refusal) {
    try RequestHead.take(
      value, of: bytes, limit: Limits.maximumTokenTTLBytes, into: &fields.tokenTTL)
    fields.tokenTTLField = field
  }

  /// Takes a value that may be there once. What is too long is kept as empty: it is no such value,
  /// and whoever reads it need not look at more bytes than there can be.
  private static func take(
    _ value: Range<Int>, of bytes: Span<UInt8>, limit: Int, into field: inout [UInt8]?
  ) throws(Refusal) {
    guard field == nil else { throw .malformedRequest("a session token's field is there twice") }
    field = value.count <= limit ? bytes.bytes(in: value) : []
  }

  /// Judges what only the whole head shows.
  func check() throws(Refusal) {
    guard hosts == 1 || (isHTTP10 && hosts == 0) else {
      throw .malformedRequest(hosts == 0 ? "there is no Host field" : "there are several Hosts")
    }
    if isChunked {
      guard !isHTTP10 else { throw .malformedRequest("HTTP/1.0 knows no transfer encoding") }
      guard contentLength == nil else {
        throw .malformedRequest("there are both a transfer encoding and a content length")
      }
    }
    guard contentLength ?? 0 <= Limits.maximumRequestBodyBytes else { throw .bodyTooLarge }
  }

  /// A field line's name, and its value without blanks around it.
  static func split(field line: Range<Int>, of bytes: Span<UInt8>) throws(Refusal) -> (
    name: Range<Int>, value: Range<Int>
  ) {
    var colon = line.lowerBound
    while colon < line.upperBound, Byte.isToken(bytes[colon]) { colon += 1 }
    // A blank at the start would continue the line before, one before the colon hides the name
    // from other readers: both are how requests are smuggled.
    guard colon > line.lowerBound, colon < line.upperBound, bytes[colon] == Byte.colon else {
      throw .malformedRequest("a field line is no name and colon")
    }
    guard bytes.extracting((colon + 1)..<line.upperBound).areFieldValue else {
      throw .malformedRequest("a field's value holds a control character")
    }
    return (
      line.lowerBound..<colon, bytes.trimmingBlanks((colon + 1)..<line.upperBound)
    )
  }

  private mutating func take(contentLength value: Range<Int>, of bytes: Span<UInt8>)
    throws(Refusal)
  {
    guard !value.isEmpty else { throw .malformedRequest("the content length is no number") }
    var length = 0
    for index in value {
      guard Byte.isDigit(bytes[index]) else {
        throw .malformedRequest("the content length is no number")
      }
      // Above a billion it is too much whatever follows, and one more digit cannot overflow.
      if length < 1_000_000_000 {
        length = length * 10 + Int(bytes[index] &- UInt8(ascii: "0"))
      }
    }
    guard contentLength == nil || contentLength == length else {
      throw .malformedRequest("there are several content lengths")
    }
    contentLength = length
  }

  private mutating func take(connection value: Range<Int>, of bytes: Span<UInt8>) {
    var start = value.lowerBound
    while start < value.upperBound {
      var end = start
      while end < value.upperBound, bytes[end] != Byte.comma { end += 1 }
      let option = bytes.trimmingBlanks(start..<end)
      if bytes.equalsIgnoringCase("close", in: option) { saysClose = true }
      if bytes.equalsIgnoringCase("keep-alive", in: option) { saysKeepAlive = true }
      start = end + 1
    }
  }

  /// Whether a value is a name or address with or without a port. Guests ask by many names, and
  /// by `[fe80::a9fe:a9fe%eth0]` with its zone as it is typed.
  private static func isHost(_ value: Range<Int>, of bytes: Span<UInt8>) -> Bool {
    guard !value.isEmpty else { return false }
    var index = value.lowerBound
    if bytes[index] == Byte.openBracket {
      index += 1
      let start = index
      while index < value.upperBound,
        Byte.isRegisteredName(bytes[index]) || bytes[index] == Byte.colon
      {
        index += 1
      }
      guard index > start, index < value.upperBound, bytes[index] == Byte.closeBracket else {
        return false
      }
      index += 1
    } else {
      while index < value.upperBound, Byte.isRegisteredName(bytes[index]) { index += 1 }
      guard index > value.lowerBound else { return false }
    }
    guard index < value.upperBound else { return true }
    guard bytes[index] == Byte.colon, value.upperBound - index <= 6 else { return false }
    for digit in (index + 1)..<value.upperBound where !Byte.isDigit(bytes[digit]) { return false }
    return true
  }
}
