import ControlAPI
import HTTPTypes
import Hummingbird
import Inventory
import NIOCore

extension Response {
  /// A JSON body.
  static func json(
    _ value: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
  ) -> Response {
    bytes(value.line, type: MediaType.json.rawValue, status: status, headers: headers)
  }

  static func bytes(
    _ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
  ) -> Response {
    var headers = headers
    headers[.contentType] = type
    headers[.cacheControl] = "no-store"
    return Response(
      status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// A record with its ETag.
  static func record(
    _ record: Record, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
  ) -> Response {
    var headers = headers
    headers[.eTag] = ETag.text(record.revision)
    return json(record.form, status: status, headers: headers)
  }

  static func problem(_ problem: Problem) -> Response {
    var headers: HTTPFields = [:]
    if !problem.allow.isEmpty { headers[.allow] = problem.allow.joined(separator: ", ") }
    if problem.kind == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
    if let seconds = problem.retryAfterSeconds { headers[.retryAfter] = String(seconds) }
    return bytes(
      problem.value.line, type: MediaType.problem.rawValue,
      status: HTTPResponse.Status(code: problem.kind.status), headers: headers)
  }

  /// The same, saying that the connection ends with it. Where the server looks out for whoever asks
  /// to leave, it reads what comes next, which ends the connection; nobody must ask on it again.
  var endingConnection: Response {
    var response = self
    response.headers[.connection] = "close"
    return response
  }
}

/// A request that has found its route.
struct ControlRequest {
  let http: Request
  let principal: Principal
  /// What lets the principal in; nil on the control socket.
  let access: AccessEntry?
  /// Where a refused attempt is noted whose answer has begun already.
  let refusals: RefusedWrites
  let route: Route
  let parameters: [String: String]
  let query: [(name: String, value: String)]

  /// What a write by this request is part of.
  var context: WriteContext { principal.context(route.operation) }

  /// The instance or other resource that the path names. A text that cannot be an id names
  /// nothing that exists.
  func resourceID() throws(Problem) -> ResourceID {
    let text = parameters["id"] ?? ""
    let kind = route.kind ?? .instance
    let canonical: String? =
      switch kind {
      case .project: text
      case .network: NetworkID(text)?.text
      case .keyPair: KeyPairID(text)?.description
      case .instance: InstanceID(text)?.description
      }
    guard let canonical else { throw .missing(ResourceID(kind: kind, text: text)) }
    return ResourceID(kind: kind, text: canonical)
  }

  func instanceID() throws(Problem) -> InstanceID {
    let id = try resourceID()
    guard let instance = InstanceID(id.text) else { throw .missing(id) }
    return instance
  }

  func precondition() throws(Problem) -> Precondition {
    try ETag.precondition(
      ifMatch: http.headers[.ifMatch], ifNoneMatch: http.headers[.ifNoneMatch])
  }

  /// The only values that a query may have here, by name.
  func query(allowing names: [String]) throws(Problem) -> [String: String] {
    var values: [String: String] = [:]
    for (name, value) in query {
      guard names.contains(name) else {
        let what = names.isEmpty ? "the path takes no query" : names.joined(separator: ", ")
        throw Problem(.badRequest, "'\(name)' is not known here: \(what)", field: name)
      }
      values[name] = value
    }
    return values
  }

  /// The body as JSON.
  func json() async throws(Problem) -> JSONValue {
    let buffer: ByteBuffer
    do {
      buffer = try await http.body.collect(upTo: Limits.maximumControlBodyBytes)
    } catch is NIOTooManyBytesError {
      throw Problem(
        .contentTooLarge, "the body is larger than \(Limits.maximumControlBodyBytes) bytes")
    } catch {
      throw Problem(.badRequest, "the body did not arrive")
    }
    do {
      return try JSONValue(parsing: Array(buffer.readableBytesView))
    } catch {
      throw Problem(error)
    }
  }
}

extension [String: String] {
  /// A yes or no of a query: `true`, or the bare name, or `false`.
  func flag(_ name: String) throws(Problem) -> Bool {
    switch self[name] {
    case nil, "false": return false
    case "", "true": return true
    default: throw Problem(.badRequest, "must be true or false", field: name)
    }
  }
}
