import AsyncHTTPClient
import ControlAPI
import Glibc
import Inventory
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Requests and answers, with every error told in our own terms.
struct ControlTransport: Sendable {
  /// Where the daemon is, in words for errors: a path or a URL.
  let place: String
  let client: HTTPClient
  private let baseURL: String
  private let host: String
  private let token: Secret<String>?
  private let diagnosis: ServerDiagnosis?

  /// An answer whose body is still to be read.
  struct Answer {
    let status: Int
    let headers: HTTPHeaders
    let body: HTTPClientResponse.Body
  }

  init(_ endpoint: ControlEndpoint) throws(ControlClientError) {
    switch endpoint {
    case .socket(let path): self.init(socketPath: path)
    case .server(let daemon): try self.init(daemon)
    }
  }

  init(socketPath: String) {
    place = socketPath
    baseURL = "http+unix://\(PercentCoding.encode(socketPath))"
    host = "nameplate"
    token = nil
    diagnosis = nil
    client = ControlTransport.client(nil)
  }

  private init(_ daemon: RemoteDaemon) throws(ControlClientError) {
    let tls = try daemon.tlsConfiguration()
    place = daemon.url
    baseURL = daemon.url
    host = String(daemon.url.dropFirst("https://".count))
    token = daemon.token
    diagnosis = ServerDiagnosis(daemon: daemon, configuration: tls)
    client = ControlTransport.client(tls)
  }

  private static func client(_ tls: TLSConfiguration?) -> HTTPClient {
    var configuration = HTTPClient.Configuration(
      tlsConfiguration: tls, redirectConfiguration: .disallow)
    // A daemon that is not there will not come by waiting; the command says so at once.
    configuration.connectionPool.retryConnectionEstablishment = false
    // This also bounds how long a request waits for one of the connections, where others have them all.
    configuration.timeout.connect = .seconds(10)
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
      Limits.maximumClientConnections
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// Sends a request; a problem document is thrown.
  func send(
    _ method: HTTPMethod, _ path: String, headers: [(String, String)] = [],
    body: HTTPClientRequest.Body? = nil
  ) async throws(ControlClientError) -> Answer {
    var request = HTTPClientRequest(url: baseURL + path)
    request.method = method
    request.headers = HTTPHeaders(headers)
    request.headers.replaceOrAdd(name: "Host", value: host)
    if let token {
      request.headers.replaceOrAdd(name: "Authorization", value: "Bearer \(token.revealed)")
    }
    request.body = body
    let response: HTTPClientResponse
    do {
      response = try await client.execute(request, deadline: .distantFuture)
    } catch {
      throw await translateOpening(error)
    }
    let answer = Answer(
      status: Int(response.status.code), headers: response.headers, body: response.body)
    let isProblem = answer.headers.first(name: "Content-Type") == MediaType.problem.rawValue
    guard answer.status < 400 || !isProblem else {
      let value = try await json(answer)
      guard let problem = Problem(reading: value) else {
        throw .broken("the daemon answered \(answer.status)")
      }
      throw .problem(problem)
    }
    return answer
  }

  /// The whole body of an answer.
  func bytes(_ answer: Answer, limit: Int = 64 * 1024 * 1024) async throws(ControlClientError)
    -> [UInt8]
  {
    do {
      return Array(try await answer.body.collect(upTo: limit).readableBytesView)
    } catch {
      throw translate(error)
    }
  }

  /// The whole body of an answer, as JSON.
  func json(_ answer: Answer) async throws(ControlClientError) -> JSONValue {
    let bytes = try await bytes(answer)
    do {
      return try JSONValue(parsing: bytes)
    } catch {
      throw .broken("the daemon's answer is not JSON: \(error)")
    }
  }

  /// As ``translate(_:)``, for what went wrong before there was an answer.
  private func translateOpening(_ error: any Error) async -> ControlClientError {
    guard let diagnosis else { return translate(error) }
    if let error = error as? NIOSSLExtraError, error == .failedToValidateHostname {
      return .untrusted(
        "\(place) is not trusted: its certificate is for other names than '\(diagnosis.daemon.host)'; "
          + "use a name that stands in it")
    }
    // BoringSSL's reasons have names, and nothing else tells them apart.
    let text = String(describing: error)
    if text.contains("CERTIFICATE_VERIFY_FAILED") {
      return .untrusted("\(place) is not trusted: \(await diagnosis.reason())")
    }
    if text.contains("ALERT_UNKNOWN_CA") || text.contains("ALERT_CERTIFICATE")
      || text.contains("ALERT_BAD_CERTIFICATE")
    {
      return .untrusted(
        "\(place) refuses the certificate of --certificate: it has ended, or was issued by "
          + "somebody else than control_tls_client_ca_file says")
    }
    if text.contains("PROTOCOL_VERSION") || text.contains("WRONG_VERSION_NUMBER") {
      return .untrusted("\(place) does not speak TLS 1.3; is it a Nameplate's control listener?")
    }
    return translate(error)
  }

  func translate(_ error: any Error) -> ControlClientError {
    if let error = error as? ControlClientError { return error }
    if let error = error as? HTTPClientError, error == .connectTimeout {
      return .noDaemon(path: place)
    }
    let code: CInt?
    switch error {
    case let error as IOError: code = error.errnoCode
    case let error as NIOConnectionError:
      // A name that cannot be resolved has no connection errors at all.
      guard !error.connectionErrors.isEmpty else { return .noDaemon(path: place) }
      code = error.connectionErrors.lazy.compactMap { ($0.error as? IOError)?.errnoCode }.first
    default: code = nil
    }
    switch code {
    case ENOENT, ECONNREFUSED, ENOTDIR, ENOTSOCK, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT:
      return .noDaemon(path: place)
    case EACCES, EPERM: return .notAllowed(path: place)
    default: return .broken("the connection to \(place) broke: \(error)")
    }
  }
}
