import Inventory
import MetadataService

/// A request as it came over the wire.
struct ParsedRequest: Equatable {
  var method: GuestRequest.Method
  var target: [UInt8]
  /// Whether the connection may serve another request after this one.
  var keepAlive: Bool
  var body: [UInt8]
}

/// Reads HTTP/1.0 and 1.1 requests from a connection's bytes, strictly (RFC 9112).
///
/// A guest's bytes are scanned in place, once. What is ambiguous is refused rather than guessed:
/// bare line feeds, folded headers, two lengths, a length beside chunks. Every bound is one of
/// ``Limits``.
struct RequestParser {
  enum Step: Equatable {
    /// Nothing whole is there yet.
    case needMore
    /// The request's head asks for a word before it sends its body.
    case expectsContinue
    case request(ParsedRequest)
    /// Nothing after this can be trusted; answer and close.
    case failed(Refusal)
  }

  private enum State {
    case head
    case body(RequestHead, left: Int)
    case chunks(RequestHead, ChunkDecoder)
    case failed(Refusal)
  }

  private var bytes: [UInt8] = []
  /// Where the current request starts in `bytes`.
  private var start = 0
  /// How far the current head has been scanned.
  private var scanned = 0
  private var firstLineEnd: Int?
  private var state = State.head
  private var continueSent = false

  /// Whether a request has begun and its head is not whole.
  var isReadingHead: Bool {
    if case .head = state { bytes.count > start } else { false }
  }

  /// Whether a head is whole and its body is not.
  var isReadingBody: Bool {
    switch state {
    case .body, .chunks: true
    case .head, .failed: false
    }
  }

  /// Bytes that wait to be read.
  var buffered: Int { bytes.count - start }

  mutating func append(_ new: some Sequence<UInt8>) {
    if start == bytes.count {
      bytes.removeAll(keepingCapacity: true)
      start = 0
      scanned = 0
    }
    bytes.append(contentsOf: new)
  }

  /// Takes the next request out of what has come.
  mutating func next() -> Step {
    if case .head = state {
      if let step = readHead() { return step }
    }
    switch state {
    case .head: return .needMore
    case .body(let head, let left): return readBody(head, left)
    case .chunks(let head, let decoder): return readChunks(head, decoder)
    case .failed(let refusal): return .failed(refusal)
    }
  }

  private mutating func fail(_ refusal: Refusal) -> Step {
    state = .failed(refusal)
    bytes = []
    start = 0
    return .failed(refusal)
  }

  // MARK: Head

  /// Finds the end of the head; nil once it is read and the body is due.
  private mutating func readHead() -> Step? {
    skipEmptyLines()
    // Half of an empty line: whether it is one, the next byte says.
    if buffered == 1, bytes[start] == 0x0D { return .needMore }
    var index = max(scanned, start)
    while index < bytes.count {
      if let refusal = overlong(index + 1 - start) { return fail(refusal) }
      let byte = bytes[index]
      if byte == 0x0A {
        guard index > start, bytes[index - 1] == 0x0D else {
          return fail(.malformedRequest("a line must end in CR LF"))
        }
        if firstLineEnd == nil { firstLineEnd = index - 1 }
        if index >= start + 3, bytes[index - 2] == 0x0A { return finishHead(end: index - 3) }
      } else if index > start, bytes[index - 1] == 0x0D {
        return fail(.malformedRequest("a carriage return must be followed by a line feed"))
      }
      index += 1
    }
    scanned = index
    return .needMore
  }

  /// Some clients send a line break after a body; RFC 9112 2.2 has servers skip it.
  private mutating func skipEmptyLines() {
    guard scanned <= start else { return }
    var skipped = 0
    while skipped < 4, bytes.count >= start + 2, bytes[start] == 0x0D, bytes[start + 1] == 0x0A {
      start += 2
      skipped += 1
    }
    scanned = start
  }

  private func overlong(_ length: Int) -> Refusal? {
    // The method, the version and two spaces are the rest of the first line.
    if firstLineEnd == nil, length > Limits.maximumRequestTargetBytes + 32 { return .targetTooLong }
    return length > Limits.maximumRequestHeadBytes ? .headTooLarge : nil
  }

  /// Reads the head that ends before `end`, which is where the last header's CR stands.
  private mutating func finishHead(end: Int) -> Step? {
    let lineEnd = min(firstLineEnd ?? end, end)
    let head: RequestHead
    do {
      head = try RequestHead(
        requestLine: bytes[start..<lineEnd],
        headers: lineEnd < end ? bytes[(lineEnd + 2)..<end] : [])
    } catch {
      return fail(error)
    }
    start = end + 4
    scanned = start
    firstLineEnd = nil
    continueSent = false
    switch head.framing {
    case .none: state = .body(head, left: 0)
    case .length(let length):
      guard length <= Limits.maximumRequestBodyBytes else { return fail(.bodyTooLarge) }
      state = .body(head, left: length)
    case .chunked: state = .chunks(head, ChunkDecoder())
    }
    return nil
  }

  // MARK: Body

  private mutating func readBody(_ head: RequestHead, _ length: Int) -> Step {
    guard bytes.count - start >= length else { return waitForBody(head) }
    let body = Array(bytes[start..<(start + length)])
    start += length
    scanned = start
    state = .head
    return .request(head.request(body: body))
  }

  private mutating func readChunks(_ head: RequestHead, _ decoder: ChunkDecoder) -> Step {
    var decoder = decoder
    while start < bytes.count {
      let byte = bytes[start]
      start += 1
      switch decoder.take(byte) {
      case .more: continue
      case .done:
        scanned = start
        state = .head
        return .request(head.request(body: decoder.body))
      case .failed(let refusal): return fail(refusal)
      }
    }
    state = .chunks(head, decoder)
    return waitForBody(head)
  }

  private mutating func waitForBody(_ head: RequestHead) -> Step {
    guard head.expectsContinue, !continueSent else { return .needMore }
    continueSent = true
    return .expectsContinue
  }
}
