import AsyncHTTPClient
public import Inventory
public import Logging
public import MetadataService
import NIOCore
import NIOHTTP1

/// Asks dynamic vendor data targets over HTTP.
///
/// Nova's bounds: 5 s to connect, 5 s to read. Redirects are not followed, so that a target cannot
/// send our requests elsewhere; answers are bounded by ``Limits/maximumDynamicVendorDataBytes``.
public final class VendorDataClient: VendorDataFetching {
  private let client: HTTPClient
  private let logger: Logger

  public init(logger: Logger) {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout = .init(connect: .seconds(5), read: .seconds(5))
    configuration.httpVersion = .http1Only
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    self.logger = logger
  }

  /// Closes all connections. Must be called before the client is let go of.
  public func shutdown() async { try? await client.shutdown() }

  public func fetch(_ target: VendorDataTarget, request: JSONValue) async -> JSONValue? {
    do {
      let answer = try await post(request, to: target)
      return answer
    } catch let failure as Failure {
      warn(target, failure.description)
    } catch {
      // The error's own text may repeat the URL, and with it a password.
      warn(target, "no answer (\(String(describing: type(of: error))))")
    }
    return nil
  }

  private func warn(_ target: VendorDataTarget, _ reason: String) {
    logger.warning(
      "vendor data target gave no answer",
      metadata: ["target": "\(target.name)", "reason": "\(reason)"])
  }

  private struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private func post(_ document: JSONValue, to target: VendorDataTarget) async throws -> JSONValue {
    let (url, credentials) = VendorDataClient.split(target.url)
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "application/json")
    request.headers.add(name: "Accept", value: "application/json")
    if let credentials {
      request.headers.add(
        name: "Authorization", value: "Basic \(Base64.encode(Array(credentials.utf8)))")
    }
    request.body = .bytes(document.bytes)
    let response = try await client.execute(request, timeout: .seconds(10))
    guard (200..<300).contains(response.status.code) else {
      throw Failure(description: "status \(response.status.code)")
    }
    let body = try await response.body.collect(upTo: Limits.maximumDynamicVendorDataBytes)
    guard body.readableBytes > 0 else { throw Failure(description: "the answer is empty") }
    do {
      return try JSONValue(parsing: Array(body.readableBytesView))
    } catch {
      throw Failure(description: "the answer is no JSON: \(error)")
    }
  }

  /// A URL without its userinfo, and the userinfo, percent-decoded.
  static func split(_ url: String) -> (url: String, credentials: String?) {
    guard let scheme = url.firstRange(of: "://"),
      let at = url[scheme.upperBound...].prefix(while: { $0 != "/" && $0 != "?" })
        .lastIndex(of: "@")
    else { return (url, nil) }
    let userinfo = String(url[scheme.upperBound..<at])
    let rest = url[..<scheme.upperBound] + url[url.index(after: at)...]
    return (String(rest), percentDecoded(userinfo))
  }

  private static func percentDecoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      if byte == UInt8(ascii: "%"), rest.count >= 2, let value = UInt8(digits, radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
