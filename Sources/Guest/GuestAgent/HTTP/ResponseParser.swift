/// Reads one HTTP/1 answer out of bytes as they come: strict in what says where it ends, and bounded
/// in every part. Pure; the caller has the clock and the socket.
struct ResponseParser {
  private enum State: Hashable {
    case statusLine
    case headers
    case body(left: Int)
    case chunkSize
    case chunk(left: Int)
    case chunkEnd
    case trailers
    case untilClose
    case done
  }

  private let bodyLimit: Int
  private var state = State.statusLine
  private var line: [UInt8] = []
  private var headBytes = 0
  private var response = HTTPResponse(status: 0)
  private var length: Int?
  private var isChunked = false

  /// - Parameter bodyLimit: The most bytes that the body may have.
  init(bodyLimit: Int) { self.bodyLimit = bodyLimit }

  /// - Returns: The answer once it is whole. Nothing may follow it: one request was sent.
  mutating func read(_ bytes: ArraySlice<UInt8>) throws(AgentError) -> HTTPResponse? {
    var rest = bytes
    while let byte = rest.first {
      switch state {
      case .body(let left):
        rest = rest.dropFirst(try take(rest, left: left, then: .done) { .body(left: $0) })
      case .chunk(let left):
        rest = rest.dropFirst(try take(rest, left: left, then: .chunkEnd) { .chunk(left: $0) })
      case .untilClose:
        rest = rest.dropFirst(
          try take(rest, left: .max, then: .untilClose) { _ in .untilClose })
      case .done: throw AgentError("an answer that goes on after its end")
      case .statusLine, .headers, .chunkSize, .chunkEnd, .trailers:
        rest = rest.dropFirst()
        try readLineByte(byte)
      }
    }
    return state == .done ? response : nil
  }

  /// The other side has closed.
  mutating func readEnd() throws(AgentError) -> HTTPResponse {
    switch state {
    case .done, .untilClose: return response
    case .statusLine where headBytes == 0: throw AgentError("closed without an answer")
    default: throw AgentError("closed in the middle of its answer")
    }
  }

  private mutating func take(
    _ bytes: ArraySlice<UInt8>, left: Int, then next: State, _ more: (Int) -> State
  ) throws(AgentError) -> Int {
    let taken = bytes.prefix(left)
    guard response.body.count + taken.count <= bodyLimit else { throw tooLarge }
    response.body += taken
    state = taken.count == left ? next : more(left - taken.count)
    return taken.count
  }

  private var tooLarge: AgentError { AgentError("an answer of more than \(bodyLimit) bytes") }

  private mutating func readLineByte(_ byte: UInt8) throws(AgentError) {
    headBytes += 1
    // Lines between chunks count too: the body's own bound is far below what they would need.
    guard headBytes <= Bounds.headBytes + (isChunked ? bodyLimit : 0) else {
      throw AgentError("an answer with more than \(Bounds.headBytes) bytes of headers")
    }
    guard byte == 0x0A else {
      guard line.count < Bounds.headBytes else { throw AgentError("an endless line") }
      line.append(byte)
      return
    }
    if line.last == 0x0D { line.removeLast() }
    guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
      throw AgentError("control characters in its headers")
    }
    let text = String(decoding: line, as: UTF8.self)
    line = []
    switch state {
    case .statusLine: try readStatus(text)
    case .headers: text.isEmpty ? try finishHead() : try readHeader(text)
    case .chunkSize: try readChunkSize(text)
    case .chunkEnd:
      guard text.isEmpty else { throw AgentError("a chunk that does not end where it says") }
      state = .chunkSize
    case .trailers: if text.isEmpty { state = .done }
    case .body, .chunk, .untilClose, .done: break
    }
  }

  private mutating func readStatus(_ text: String) throws(AgentError) {
    let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count >= 2, words[0] == "HTTP/1.1" || words[0] == "HTTP/1.0",
      words[1].utf8.count == 3, let status = Int(words[1]), (100...599).contains(status)
    else { throw AgentError("no HTTP: it answers \(AgentError.quote(text.utf8))") }
    response = HTTPResponse(status: status)
    state = .headers
  }

  private mutating func readHeader(_ text: String) throws(AgentError) {
    guard let colon = text.firstIndex(of: ":"), let first = text.first, first != " ", first != "\t"
    else { throw AgentError("a header without a name") }
    let name = text[..<colon].lowercased()
    var value = text[text.index(after: colon)...]
    while let first = value.first, first == " " || first == "\t" { value.removeFirst() }
    while let last = value.last, last == " " || last == "\t" { value.removeLast() }
    switch name {
    case "content-length":
      guard length == nil, let count = Int(value), value.utf8.allSatisfy({ 0x30...0x39 ~= $0 })
      else { throw AgentError("a length that is none, or two of them") }
      guard count <= bodyLimit else { throw tooLarge }
      length = count
    case "transfer-encoding":
      guard !isChunked, value.lowercased() == "chunked" else {
        throw AgentError("a transfer encoding other than chunked")
      }
      isChunked = true
    case "content-type": response.contentType = value.lowercased()
    case "etag": response.tag = ResponseParser.tag(in: value)
    default: break
    }
  }

  /// A tag goes into the next request's target, so that only a short plain word in quotes is one.
  private static func tag(in value: Substring) -> String? {
    let word = value.utf8.dropFirst().dropLast()
    let isWord = word.allSatisfy {
      switch $0 {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
      default: false
      }
    }
    guard value.hasPrefix("\""), value.hasSuffix("\""), isWord, (1...64).contains(word.count)
    else { return nil }
    return String(word)
  }

  private mutating func finishHead() throws(AgentError) {
    if response.status < 200 {
      // 100 Continue and its like come before the answer; switching protocols was not asked for.
      guard response.status != 101 else { throw AgentError("it switches protocols") }
      state = .statusLine
      return
    }
    guard !isChunked || length == nil else {
      throw AgentError("a length and chunks at once")
    }
    if response.status == 204 || response.status == 304 {
      state = .done
    } else if isChunked {
      state = .chunkSize
    } else if let length {
      state = length == 0 ? .done : .body(left: length)
    } else {
      state = .untilClose
    }
  }

  private mutating func readChunkSize(_ text: String) throws(AgentError) {
    let size = text.prefix { $0 != ";" && $0 != " " }
    guard (1...8).contains(size.utf8.count), let count = Int(size, radix: 16),
      size.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D })
    else { throw AgentError("a chunk without a size") }
    guard response.body.count + count <= bodyLimit else { throw tooLarge }
    state = count == 0 ? .trailers : .chunk(left: count)
  }
}
