import Inventory
import MetadataService

/// Reads HTTP/1.0 and HTTP/1.1 requests from a connection's bytes, strictly and within `Limits`.
///
/// A value without a buffer of its own: it is given the bytes in place, takes whole lines and
/// pieces of bodies, and leaves the rest to be given again with what follows. However the input is
/// split, the same requests come out.
///
/// NIO's decoder is not used since it allocates a string for each field, bounds only their sum,
/// and takes forms that differ between readers (bare line feeds, folded fields).
struct RequestParser: Sendable {
  /// A whole request.
  struct Request: Sendable {
    var method: Question.Method
    var target: [UInt8]
    var fields: RequestFields
    var body: [UInt8]
    var isHTTP10: Bool
    /// Whether the guest wants to go on with the connection.
    var keepsAlive: Bool
  }

  enum Progress: Sendable {
    /// More input is needed. What was left over must be given again, with more.
    case needsMore
    /// A head has ended and a body is to follow; parse on. The guest may wait to be told to send
    /// it.
    case body(expectsContinue: Bool)
    case request(Request)
    /// The input is no request that we take. What follows cannot be read either.
    case refused(Refusal)
  }

  private enum Stage {
    case requestLine
    case fields
    /// So many bytes are missing.
    case fixedBody(Int)
    case chunkSize
    case chunk(Int)
    case chunkEnd
    case trailers
    case refused(Refusal)
  }

  /// Clients of old send a line end too many after a body.
  static let maximumLeadingLines = 8
  /// A size and an extension. None of the latter means anything here.
  static let maximumChunkLineBytes = 256

  private var stage = Stage.requestLine
  private var head = RequestHead()
  private var body: [UInt8] = []
  /// Bytes at the start of the input that are known to hold no line feed.
  private var searched = 0
  private var leadingLines = 0
  /// Bytes and fields of the head, and then of the trailers.
  private var headBytes = 0
  private var fields = 0

  /// Whether a request line has been read and its request has not ended.
  var isWithinRequest: Bool {
    if case .requestLine = stage { false } else { true }
  }

  /// Whether nothing has been read of a request, nor of what may stand before one.
  var isFresh: Bool { !isWithinRequest && leadingLines == 0 && searched == 0 }

  /// The method, once the request line has been read.
  var method: Question.Method { head.method }

  /// The bytes of body that have been read.
  var bodyBytes: Int { body.count }

  /// Reads on from `offset`, which moves past what is taken.
  mutating func parse(_ bytes: Span<UInt8>, from offset: inout Int) -> Progress {
    do throws(Refusal) {
      while true {
        if let progress = try step(bytes, &offset) { return progress }
      }
    } catch {
      stage = .refused(error)
      return .refused(error)
    }
  }

  /// One step: a line or a piece of a body. Nil when there may be another.
  private mutating func step(_ bytes: Span<UInt8>, _ offset: inout Int) throws(Refusal)
    -> Progress?
  {
    switch stage {
    case .requestLine: return try readRequestLine(bytes, &offset)
    case .fields:
      guard let line = try headLine(bytes, &offset) else { return .needsMore }
      guard line.isEmpty else {
        try head.take(field: line, of: bytes)
        return nil
      }
      return try endHead()
    case .fixedBody(let missing):
      let taken = take(missing, of: bytes, &offset)
      guard taken == missing else {
        stage = .fixedBody(missing - taken)
        return .needsMore
      }
      return endRequest()
    case .chunkSize: return try readChunkSize(bytes, &offset)
    case .chunk(let missing):
      let taken = take(missing, of: bytes, &offset)
      stage = taken == missing ? .chunkEnd : .chunk(missing - taken)
      return taken == missing ? nil : .needsMore
    case .chunkEnd: return try readChunkEnd(bytes, &offset)
    case .trailers:
      guard let line = try headLine(bytes, &offset) else { return .needsMore }
      guard !line.isEmpty else { return endRequest() }
      _ = try RequestHead.split(field: line, of: bytes)
      return nil
    case .refused(let refusal): throw refusal
    }
  }

  // MARK: The head

  private mutating func readRequestLine(_ bytes: Span<UInt8>, _ offset: inout Int)
    throws(Refusal) -> Progress?
  {
    let start = offset
    let longest = RequestHead.maximumRequestLineBytes
    guard let line = try line(bytes, &offset, limit: longest) else {
      guard bytes.count - offset <= longest + 1 else {
        throw RequestHead.refusal(ofOverlongLineFrom: start, in: bytes)
      }
      return .needsMore
    }
    if line.isEmpty {
      leadingLines += 1
      guard leadingLines <= RequestParser.maximumLeadingLines else {
        throw .malformedRequest("empty lines come in place of a request")
      }
      return nil
    }
    headBytes = offset - start
    head = try RequestHead(line: line, of: bytes)
    stage = .fields
    return nil
  }

  /// The next line of a head or of trailers, counted against the limits of both.
  private mutating func headLine(_ bytes: Span<UInt8>, _ offset: inout Int) throws(Refusal)
    -> Range<Int>?
  {
    let left = Limits.maximumRequestHeadBytes - headBytes
    let start = offset
    guard let end = lineFeed(bytes, from: offset) else {
      guard bytes.count - offset < left else { throw .headTooLarge }
      return nil
    }
    guard end - start < left else { throw .headTooLarge }
    let line = try line(start, end, bytes, &offset)
    headBytes += offset - start
    if !line.isEmpty {
      fields += 1
      guard fields <= Limits.maximumRequestHeaders else { throw .headTooLarge }
    }
    return line
  }

  private mutating func endHead() throws(Refusal) -> Progress {
    try head.check()
    headBytes = 0
    fields = 0
    if head.isChunked {
      stage = .chunkSize
    } else if let length = head.contentLength, length > 0 {
      stage = .fixedBody(length)
    } else {
      return endRequest()
    }
    return .body(expectsContinue: head.expectsContinue && !head.isHTTP10)
  }

  private mutating func endRequest() -> Progress {
    let request = Request(
      method: head.method, target: head.target, fields: head.fields, body: body,
      isHTTP10: head.isHTTP10, keepsAlive: head.keepsAlive)
    self = RequestParser()
    return .request(request)
  }

  // MARK: The body

  /// Takes up to so many bytes of body, and says how many.
  private mutating func take(_ missing: Int, of bytes: Span<UInt8>, _ offset: inout Int) -> Int {
    let taken = min(missing, bytes.count - offset)
    body.append(bytes, in: offset..<(offset + taken))
    offset += taken
    return taken
  }

  private mutating func readChunkSize(_ bytes: Span<UInt8>, _ offset: inout Int)
    throws(Refusal) -> Progress?
  {
    guard
      let line = try line(bytes, &offset, limit: RequestParser.maximumChunkLineBytes)
    else {
      guard bytes.count - offset <= RequestParser.maximumChunkLineBytes + 1 else {
        throw .malformedRequest("a chunk's size does not end")
      }
      return .needsMore
    }
    var size = 0
    var index = line.lowerBound
    while index < line.upperBound, let digit = bytes[index].hexDigit {
      if size <= Limits.maximumRequestBodyBytes { size = size * 16 + Int(digit) }
      index += 1
    }
    guard index > line.lowerBound, index == line.upperBound || bytes[index] == Byte.semicolon
    else { throw .malformedRequest("a chunk has no size") }
    for extra in index..<line.upperBound where !Byte.isFieldValue(bytes[extra]) {
      throw .malformedRequest("a chunk's extension holds a control character")
    }
    guard body.count + size <= Limits.maximumRequestBodyBytes else { throw .bodyTooLarge }
    stage = size == 0 ? .trailers : .chunk(size)
    return nil
  }

  private mutating func readChunkEnd(_ bytes: Span<UInt8>, _ offset: inout Int)
    throws(Refusal) -> Progress?
  {
    guard let end = try line(bytes, &offset, limit: 0) else {
      guard offset == bytes.count || bytes[offset] == Byte.carriageReturn,
        bytes.count - offset < 2
      else { throw .malformedRequest("a chunk is longer than its size") }
      return .needsMore
    }
    guard end.isEmpty else { throw .malformedRequest("a chunk is longer than its size") }
    stage = .chunkSize
    return nil
  }

  // MARK: Lines

  /// The next line without its end, or nil where it does not end yet. A line longer than `limit`
  /// is not taken: nil too, for the caller to refuse in its own words.
  private mutating func line(_ bytes: Span<UInt8>, _ offset: inout Int, limit: Int)
    throws(Refusal) -> Range<Int>?
  {
    guard let end = lineFeed(bytes, from: offset), end - offset <= limit + 1 else { return nil }
    return try line(offset, end, bytes, &offset)
  }

  /// The line from `start` to the line feed at `end`, which is taken.
  private mutating func line(
    _ start: Int, _ end: Int, _ bytes: Span<UInt8>, _ offset: inout Int
  ) throws(Refusal) -> Range<Int> {
    searched = 0
    guard end > start, bytes[end - 1] == Byte.carriageReturn else {
      throw .malformedRequest("a line ends in a line feed alone")
    }
    offset = end + 1
    return start..<(end - 1)
  }

  /// Where the next line feed is. What has been searched in vain is not searched again.
  private mutating func lineFeed(_ bytes: Span<UInt8>, from offset: Int) -> Int? {
    let start = min(offset + searched, bytes.count)
    if let place = bytes.extracting(start...).firstLineFeed { return start + place }
    searched = bytes.count - offset
    return nil
  }
}
