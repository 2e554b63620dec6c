import AsyncAlgorithms
import AsyncHTTPClient
public import ControlAPI
import Glibc
public import Inventory
import NIOCore
import NIOHTTP1
import NIOPosix

/// Why a command got no answer.
public enum ControlClientError: Error, Sendable, CustomStringConvertible {
  /// Nobody listens on the socket.
  case noDaemon(socket: String)
  /// The daemon said no.
  case problem(ControlProblem)
  /// The connection broke, or the answer was not the control API's.
  case broken(String)

  public var description: String {
    switch self {
    case .noDaemon(let socket):
      "no daemon listens on \(socket); start it with `nameplate serve`, or say which with --socket"
    case .problem(let problem): problem.description
    case .broken(let reason): "the daemon's answer broke off: \(reason)"
    }
  }
}

/// Talks to a daemon over its control socket.
public struct ControlClient: Sendable {
  private let socket: String
  private let client: HTTPClient

  /// Connects, for as long as `body` runs.
  public static func with<Result: Sendable>(
    socket: String, _ body: (ControlClient) async throws -> Result
  ) async throws -> Result {
    var configuration = HTTPClient.Configuration()
    configuration.httpVersion = .http1Only
    configuration.timeout.connect = .seconds(5)
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    do {
      let result = try await body(ControlClient(socket: socket, client: client))
      try await client.shutdown()
      return result
    } catch {
      try? await client.shutdown()
      throw error
    }
  }

  // MARK: Resources

  /// A record as the API shows it: `{document, revision, createdAt, ec2InstanceId}`.
  public func get(_ id: ResourceID) async throws -> JSONValue {
    try await json("GET", "/v1/\(id.kind.pathName)/\(URLText.encode(id.text))")
  }

  public func delete(_ id: ResourceID, ifMatch revision: Revision? = nil) async throws {
    let headers = revision.map { [("If-Match", "\"\($0)\"")] } ?? []
    _ = try await bytes(
      "DELETE", "/v1/\(id.kind.pathName)/\(URLText.encode(id.text))", headers: headers)
  }

  /// Every record of a kind that matches, page by page.
  public func list(
    _ kind: ResourceKind, filters: [String: String] = [:],
    _ page: ([JSONValue]) async throws -> Void
  ) async throws {
    var query = filters
    query["limit"] = String(Limits.maximumPageSize)
    while true {
      let answer = try await json("GET", "/v1/\(kind.pathName)?" + ControlClient.encode(query))
      try await page(answer["items"]?.array ?? [])
      guard let next = answer["next"]?.string else { return }
      query["marker"] = next
    }
  }

  /// Declares or replaces documents in one transaction.
  /// - Parameter progress: Called with how many documents the daemon has read.
  /// - Returns: `{revision, outcomes}`; with `dryRun` the outcomes have the documents before and
  ///   after.
  public func apply(
    _ documents: [JSONValue], dryRun: Bool, progress: (Int) -> Void = { _ in }
  ) async throws -> JSONValue {
    var request = self.request("POST", "/v1/apply" + (dryRun ? "?dryRun=true" : ""))
    request.headers.add(name: "Content-Type", value: "application/x-ndjson")
    // In pieces, so that the daemon reads while we write.
    let pieces = stride(from: 0, to: documents.count, by: 250).map { start in
      var piece = ByteBuffer()
      for document in documents[start..<min(start + 250, documents.count)] {
        piece.writeBytes(document.bytes)
        piece.writeStaticString("\n")
      }
      return piece
    }
    request.body = .stream(pieces.async, length: .unknown)
    let response = try await execute(request)
    var result: JSONValue?
    try await response.body.eachLine { line in
      guard let value = try? JSONValue(parsing: line) else {
        throw ControlClientError.broken("a line is not JSON")
      }
      if let read = value["progress"]?["read"]?.integer { progress(read) }
      if let problem = value["problem"].flatMap(ControlProblem.init) {
        throw ControlClientError.problem(problem)
      }
      result = value["result"]
      return result == nil
    }
    guard let result else { throw ControlClientError.broken("it ended without a result") }
    return result
  }

  // MARK: One instance

  /// What a guest is answered.
  public struct Look: Sendable {
    public let status: Int
    public let contentType: String
    public let body: [UInt8]
  }

  public func look(_ id: InstanceID, path: String) async throws -> Look {
    let (head, body) = try await exchange(
      "GET", "/v1/instances/\(id)/look?path=\(URLText.encode(path))")
    return Look(
      status: head["Nameplate-Guest-Status"].first.flatMap { Int($0) } ?? 0,
      contentType: head["Content-Type"].first ?? "", body: body)
  }

  /// Everything under a path, by path.
  public func lookTree(_ id: InstanceID, path: String) async throws -> JSONValue {
    try await json("GET", "/v1/instances/\(id)/look?tree=true&path=\(URLText.encode(path))")
  }

  public func metadata(of id: InstanceID) async throws -> JSONValue {
    try await json("GET", "/v1/instances/\(id)/metadata")
  }

  public func mergeMetadata(of id: InstanceID, _ items: JSONValue) async throws -> JSONValue {
    try await json("PATCH", "/v1/instances/\(id)/metadata", body: items)
  }

  public func deleteMetadata(of id: InstanceID, key: String) async throws -> JSONValue {
    try await json("DELETE", "/v1/instances/\(id)/metadata/\(URLText.encode(key))")
  }

  public func password(of id: InstanceID) async throws -> [UInt8] {
    try await bytes("GET", "/v1/instances/\(id)/password")
  }

  public func clearPassword(of id: InstanceID) async throws {
    _ = try await bytes("DELETE", "/v1/instances/\(id)/password")
  }

  // MARK: The daemon

  public func health() async throws -> JSONValue { try await json("GET", "/v1/health") }

  public func counters() async throws -> JSONValue { try await json("GET", "/v1/counters") }

  /// Calls `event` with each event's name, revision and data until it throws or the daemon stops.
  public func watch(
    since: Revision?, kind: ResourceKind?,
    _ event: (_ name: String, _ revision: String, _ data: JSONValue) async throws -> Void
  ) async throws {
    var query: [String: String] = [:]
    query["since"] = since.map { String($0) }
    query["kind"] = kind?.pathName
    let response = try await execute(request("GET", "/v1/watch?" + ControlClient.encode(query)))
    var fields: [String: String] = [:]
    try await response.body.eachLine { line in
      let text = String(decoding: line, as: UTF8.self)
      guard text.isEmpty else {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 { fields[String(parts[0])] = String(parts[1].dropFirst()) }
        return true
      }
      if let name = fields["event"], let data = try? JSONValue(parsing: fields["data"] ?? "") {
        try await event(name, fields["id"] ?? "", data)
      }
      fields = [:]
      return true
    }
  }

  // MARK: Requests

  private static func encode(_ query: [String: String]) -> String {
    query.sorted { $0.key < $1.key }.map { "\($0.key)=\(URLText.encode($0.value))" }
      .joined(separator: "&")
  }

  private func request(_ method: String, _ path: String) -> HTTPClientRequest {
    var request = HTTPClientRequest(url: "http+unix://\(URLText.encode(socket))\(path)")
    request.method = HTTPMethod(rawValue: method)
    return request
  }

  private func json(_ method: String, _ path: String, body: JSONValue? = nil) async throws
    -> JSONValue
  {
    let answer = try await bytes(method, path, body: body)
    guard let value = try? JSONValue(parsing: answer) else {
      throw ControlClientError.broken("it is not JSON")
    }
    return value
  }

  private func bytes(
    _ method: String, _ path: String, headers: [(String, String)] = [], body: JSONValue? = nil
  ) async throws -> [UInt8] {
    try await exchange(method, path, headers: headers, body: body).1
  }

  private func exchange(
    _ method: String, _ path: String, headers: [(String, String)] = [], body: JSONValue? = nil
  ) async throws -> (HTTPHeaders, [UInt8]) {
    var request = request(method, path)
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let body {
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(body.bytes)
    }
    let response = try await execute(request)
    let collected = try await response.body.collect(upTo: Limits.maximumManifestBytes)
    return (response.headers, Array(collected.readableBytesView))
  }

  private func execute(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
    let response: HTTPClientResponse
    do {
      response = try await client.execute(request, timeout: .hours(24))
    } catch let error as HTTPClientError where error == .connectTimeout {
      throw ControlClientError.noDaemon(socket: socket)
    } catch is NIOConnectionError {
      throw ControlClientError.noDaemon(socket: socket)
    } catch let error as IOError {
      throw error.errnoCode == ECONNREFUSED || error.errnoCode == ENOENT
        ? ControlClientError.noDaemon(socket: socket)
        : ControlClientError.broken(error.description)
    }
    guard response.status.code >= 400 else { return response }
    let body = try await response.body.collect(upTo: Limits.maximumDocumentBytes)
    if let problem = (try? JSONValue(parsing: Array(body.readableBytesView))).flatMap(
      ControlProblem.init)
    {
      throw ControlClientError.problem(problem)
    }
    return response
  }
}

extension HTTPClientResponse.Body {
  /// Calls `take` with each line, without its line feed, until it says to stop.
  func eachLine(_ take: ([UInt8]) async throws -> Bool) async throws {
    var buffered: [UInt8] = []
    for try await chunk in self {
      buffered.append(contentsOf: chunk.readableBytesView)
      while let end = buffered.firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(buffered[..<end])
        buffered.removeSubrange(...end)
        guard try await take(line) else { return }
      }
    }
    if !buffered.isEmpty { _ = try await take(buffered) }
  }
}
