import AsyncHTTPClient
public import ControlAPI
public import Inventory
import NIOCore
import NIOHTTP1

extension ControlClient {
  /// Creates or replaces all documents in one transaction, or none of them.
  ///
  /// Documents are sent as they come; an instance's may leave out its id.
  /// - Parameters:
  ///   - dryRun: Judges all, writes nothing, and gives the documents before and after.
  ///   - progress: Is told how many documents the daemon has read.
  /// - Returns: The revision and the outcomes, in the documents' order.
  public func apply<Documents: AsyncSequence & Sendable>(
    _ documents: Documents, dryRun: Bool = false,
    progress: @Sendable (_ read: Int) -> Void = { _ in }
  ) async throws(ControlClientError) -> (revision: Revision, outcomes: [ApplyOutcome])
  where Documents.Element == JSONValue, Documents.AsyncIterator: SendableMetatype {
    let answer = try await transport.send(
      .POST, "/v1/apply\(dryRun ? "?dryRun=true" : "")",
      headers: [("Content-Type", MediaType.ndjson.rawValue)],
      body: .stream(documents.map { ByteBuffer(bytes: $0.line) }, length: .unknown))
    var lines = ByteLines()
    do {
      for try await buffer in answer.body {
        for line in lines.feed(buffer.readableBytesView) {
          if let outcome = try read(line, progress) { return outcome }
        }
      }
    } catch {
      throw transport.translate(error)
    }
    throw .broken("the daemon did not say how it ended; look before trying again")
  }

  /// As ``apply(_:dryRun:progress:)``, with documents that are all there.
  public func apply(
    _ documents: [JSONValue], dryRun: Bool = false,
    progress: @Sendable (_ read: Int) -> Void = { _ in }
  ) async throws(ControlClientError) -> (revision: Revision, outcomes: [ApplyOutcome]) {
    let stream = AsyncStream { continuation in
      for document in documents { continuation.yield(document) }
      continuation.finish()
    }
    return try await apply(stream, dryRun: dryRun, progress: progress)
  }

  private func read(_ line: [UInt8], _ progress: (Int) -> Void) throws(ControlClientError)
    -> (revision: Revision, outcomes: [ApplyOutcome])?
  {
    guard let value = try? JSONValue(parsing: line), let line = ApplyLine(form: value) else {
      throw .broken("the daemon's answer cannot be read")
    }
    switch line {
    case .progress(let read):
      progress(read)
      return nil
    case .result(let revision, let outcomes): return (revision, outcomes)
    case .problem(let problem): throw .problem(problem)
    }
  }

  /// Listens to changes until `body` returns false or the daemon ends the stream.
  ///
  /// - Parameters:
  ///   - since: The revision after which to start; nil for now.
  ///   - onOpen: Called once the daemon listens on our behalf.
  ///   - body: Is given each event, and on a transaction's last one its revision: the `since` to go
  ///     on from.
  /// - Throws: A problem of kind ``Problem/Kind-swift.enum/compacted`` where changes are not
  ///   remembered so far back.
  public func watch(
    since: Revision? = nil, kind: ResourceKind? = nil, onOpen: () async -> Void = {},
    _ body: (WatchEvent, Revision?) async throws -> Bool
  ) async throws {
    var query: [String] = []
    if let since { query.append("since=\(since)") }
    if let kind { query.append("kind=\(kind.collection)") }
    let answer = try await transport.send(.GET, "/v1/watch?\(query.joined(separator: "&"))")
    await onOpen()
    var lines = ByteLines()
    var parser = EventParser()
    var chunks = answer.body.makeAsyncIterator()
    while let buffer = try await next(&chunks) {
      for line in lines.feed(buffer.readableBytesView) {
        guard let event = parser.feed(line) else { continue }
        let data = (try? JSONValue(parsing: event.data)) ?? .null
        if event.name == "problem", let problem = Problem(reading: data) {
          throw ControlClientError.problem(problem)
        }
        // What this version does not know is passed over.
        guard let change = WatchEvent(name: event.name, data: data) else { continue }
        guard try await body(change, event.id.flatMap { Revision($0) }) else { return }
      }
    }
  }

  private func next(_ chunks: inout HTTPClientResponse.Body.AsyncIterator) async throws
    -> ByteBuffer?
  {
    do {
      return try await chunks.next(isolation: #isolation)
    } catch let error as CancellationError {
      throw error
    } catch {
      throw transport.translate(error)
    }
  }
}

/// Cuts a stream of bytes into lines; an empty line is one too.
struct ByteLines {
  private var rest: [UInt8] = []

  mutating func feed(_ bytes: some Collection<UInt8>) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var chunk = bytes[...]
    while let end = chunk.firstIndex(of: 0x0A) {
      lines.append(rest + chunk[..<end])
      rest.removeAll(keepingCapacity: true)
      chunk = chunk[chunk.index(after: end)...]
    }
    rest.append(contentsOf: chunk)
    return lines
  }
}

/// Puts server-sent events together from their lines.
struct EventParser {
  struct Event: Equatable {
    var name = "message"
    var data: [UInt8] = []
    var id: String?
  }

  private var event = Event()
  private var hasData = false

  /// Takes a line without its break; gives the event that an empty line completes.
  mutating func feed(_ line: [UInt8]) -> Event? {
    guard !line.isEmpty else {
      defer {
        event = Event()
        hasData = false
      }
      return hasData ? event : nil
    }
    let sides = line.split(
      separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    guard sides.count == 2 else { return nil }
    let value = sides[1].first == 0x20 ? sides[1].dropFirst() : sides[1]
    switch String(decoding: sides[0], as: UTF8.self) {
    case "event": event.name = String(decoding: value, as: UTF8.self)
    case "id": event.id = String(decoding: value, as: UTF8.self)
    case "data":
      if hasData { event.data.append(0x0A) }
      event.data.append(contentsOf: value)
      hasData = true
    default: break
    }
    return nil
  }
}
