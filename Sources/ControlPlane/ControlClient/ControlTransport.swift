import AsyncHTTPClient
import ControlAPI
import Glibc
import Inventory
import NIOCore
import NIOHTTP1
import NIOPosix

/// Requests and answers over the Unix socket, with every error told in our own terms.
struct ControlTransport: Sendable {
  let socketPath: String
  let client: HTTPClient

  /// An answer whose body is still to be read.
  struct Answer {
    let status: Int
    let headers: HTTPHeaders
    let body: HTTPClientResponse.Body
  }

  init(socketPath: String) {
    self.socketPath = socketPath
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    // A daemon that is not there will not come by waiting; the command says so at once.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.timeout.connect = .seconds(10)
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// Sends a request; a problem document is thrown.
  func send(
    _ method: HTTPMethod, _ path: String, headers: [(String, String)] = [],
    body: HTTPClientRequest.Body? = nil
  ) async throws(ControlClientError) -> Answer {
    var request = HTTPClientRequest(
      url: "http+unix://\(PercentCoding.encode(socketPath))\(path)")
    request.method = method
    request.headers = HTTPHeaders(headers)
    request.headers.replaceOrAdd(name: "Host", value: "nameplate")
    request.body = body
    let response: HTTPClientResponse
    do {
      response = try await client.execute(request, deadline: .distantFuture)
    } catch {
      throw translate(error)
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

  func translate(_ error: any Error) -> ControlClientError {
    if let error = error as? ControlClientError { return error }
    let code: CInt?
    switch error {
    case let error as IOError: code = error.errnoCode
    case let error as NIOConnectionError:
      code = error.connectionErrors.lazy.compactMap { ($0.error as? IOError)?.errnoCode }.first
    default: code = nil
    }
    switch code {
    case ENOENT, ECONNREFUSED, ENOTDIR, ENOTSOCK: return .noDaemon(path: socketPath)
    case EACCES, EPERM: return .notAllowed(path: socketPath)
    default: return .broken("the connection to \(socketPath) broke: \(error)")
    }
  }
}
