/// A service at one endpoint, and the session token that it gave, if it has tokens (IMDSv2). Every
/// request has a connection of its own.
public struct MetadataSession: Sendable {
  let endpoint: Endpoint
  private let token: String?

  /// Asks for a token over a connection that exists, and goes on without one where the service
  /// has none.
  init(over connection: consuming HTTPConnection) throws(AgentError) {
    endpoint = connection.endpoint
    let response = try connection.exchange(
      HTTPConnection.Request(
        method: "PUT", path: "/latest/api/token",
        headers: [("X-aws-ec2-metadata-token-ttl-seconds", "\(Bounds.tokenSeconds)")],
        limit: Bounds.leafBytes))
    switch response.status {
    case 200: token = try MetadataSession.token(in: response)
    // Services without tokens: 404 (Nova), 405, 403, 400, 501.
    case 400...404, 405, 501: token = nil
    default: throw MetadataSession.refusal(response, "/latest/api/token")
    }
  }

  private static func token(in response: HTTPResponse) throws(AgentError) -> String? {
    guard !response.looksLikeHTML else { throw webPage }
    let isVisible = response.body.allSatisfy { 0x21...0x7E ~= $0 }
    guard isVisible, (1...Bounds.tokenBytes).contains(response.body.count) else {
      throw AgentError("what it gives for a session token is none")
    }
    return String(decoding: response.body, as: UTF8.self)
  }

  /// A document, or nil where the service has none (404, 204).
  /// - Parameter mayBeEmpty: Whether an answer without a byte is one.
  func get(_ path: String, limit: Int, mayBeEmpty: Bool = false) throws(AgentError) -> [UInt8]? {
    let response = try exchange(HTTPConnection.Request(path: path, limit: limit))
    switch response.status {
    case 200:
      guard !response.looksLikeHTML else { throw MetadataSession.webPage }
      guard mayBeEmpty || !response.body.isEmpty else { throw AgentError("\(path) is empty") }
      return response.body
    case 204, 404: return nil
    default: throw MetadataSession.refusal(response, path)
    }
  }

  /// The same, from a service that holds the question back until its answer is another than what the
  /// tag stands for, if it can: one that knows nothing of that answers at once, without a tag.
  /// - Parameter tag: Nil where none is known yet; then it answers at once, too.
  func get(_ path: String, limit: Int, unlike tag: String?) throws(AgentError)
    -> (bytes: [UInt8]?, tag: String?)
  {
    var query = "?wait_for_change=true&timeout_sec=\(Bounds.holdSeconds)"
    if let tag { query += "&last_etag=\(tag)" }
    let response = try exchange(
      HTTPConnection.Request(path: path + query, limit: limit),
      holdMilliseconds: Int64(Bounds.holdSeconds) * 1000)
    // Whatever is amiss may be the query, which others need not take.
    guard response.status == 200, response.tag != nil, !response.looksLikeHTML,
      !response.body.isEmpty
    else { return (try get(path, limit: limit), nil) }
    return (response.body, response.tag)
  }

  /// What the password document has: nothing, or what somebody posted.
  func password() throws(AgentError) -> [UInt8]? {
    // Nova says that it is HTML, which it is not.
    let response = try exchange(
      HTTPConnection.Request(
        path: MetadataSession.passwordPath, limit: Bounds.passwordBytes))
    switch response.status {
    case 200: return response.body
    case 404: return nil
    default: throw MetadataSession.refusal(response, MetadataSession.passwordPath)
    }
  }

  func post(password: [UInt8]) throws(AgentError) {
    let response = try exchange(
      HTTPConnection.Request(
        method: "POST", path: MetadataSession.passwordPath, body: password,
        limit: Bounds.leafBytes))
    guard response.status == 200 || response.status == 204 else {
      throw MetadataSession.refusal(response, MetadataSession.passwordPath)
    }
  }

  private static let passwordPath = "/openstack/latest/password"

  private func exchange(_ request: HTTPConnection.Request, holdMilliseconds: Int64 = 0)
    throws(AgentError) -> HTTPResponse
  {
    var request = request
    if let token { request.headers.append(("X-aws-ec2-metadata-token", token)) }
    var connector = Connector(
      [endpoint], answerMilliseconds: Bounds.answerMilliseconds + holdMilliseconds)
    guard let connection = connector.next() else {
      throw connector.failures.first?.reason ?? AgentError("no connection")
    }
    return try connection.exchange(request)
  }

  private static var webPage: AgentError {
    AgentError("a web page answers in its place: is there a captive portal or a proxy on the way?")
  }

  private static func refusal(_ response: HTTPResponse, _ path: String) -> AgentError {
    let meaning =
      switch response.status {
      case 300...399: ", a redirect, which is not followed"
      case 401: ": it wants a session token that it does not give"
      case 403: ": metadata is switched off for this machine"
      case 429: ": it is asked too often"
      case 500...599: ": the service has a fault"
      default: ""
      }
    return AgentError("\(path) is answered with \(response.status)\(meaning)")
  }
}
