import AsyncHTTPClient
import ControlAPI
import Glibc
public import Inventory
import NIOSSL

/// Where a daemon is asked.
public enum ControlEndpoint: Sendable, Hashable {
  /// A Unix socket on this host.
  case socket(String)
  case server(RemoteDaemon)
}

/// A daemon's control listener, and what proves who asks.
public struct RemoteDaemon: Sendable, Hashable {
  public var host: String
  public var port: Int
  /// Who must have issued the daemon's certificate, PEM; nil for the host's own list.
  public var caFile: String?
  public var token: Secret<String>?
  public var certificateFile: String?
  public var keyFile: String?

  /// - Parameter url: `https://HOST:PORT`; nil where it is anything else.
  public init?(
    url: String, caFile: String? = nil, token: Secret<String>? = nil,
    certificateFile: String? = nil, keyFile: String? = nil
  ) {
    guard url.hasPrefix("https://") else { return nil }
    var rest = url.dropFirst("https://".count)
    if rest.hasSuffix("/") { rest.removeLast() }
    let host: Substring
    let port: Substring
    if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
      host = rest[rest.index(after: rest.startIndex)..<end]
      guard IPAddress(String(host)) != nil else { return nil }
      port = rest[rest.index(after: end)...]
    } else {
      let colon = rest.firstIndex(of: ":") ?? rest.endIndex
      host = rest[..<colon]
      port = rest[colon...]
    }
    let isName = host.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
        || ".-_:".utf8.contains(byte)
    }
    guard !host.isEmpty, isName else { return nil }
    if port.isEmpty {
      self.port = RemoteDaemon.usualPort
    } else {
      guard port.hasPrefix(":"), let number = Int(port.dropFirst()), (1...65_535).contains(number)
      else { return nil }
      self.port = number
    }
    self.host = String(host)
    self.caFile = caFile
    self.token = token
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }

  /// Where a URL names no port.
  public static let usualPort = 8776

  public var url: String {
    host.contains(":") ? "https://[\(host)]:\(port)" : "https://\(host):\(port)"
  }

  /// - Throws: ``ControlClientError/unusable(_:)`` where a file cannot be used.
  func tlsConfiguration() throws(ControlClientError) -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv13
    configuration.maximumTLSVersion = .tlsv13
    if let caFile {
      configuration.trustRoots = .certificates(
        try RemoteDaemon.read(caFile, "certificates in PEM") {
          try NIOSSLCertificate.fromPEMFile(caFile)
        })
    }
    switch (certificateFile, keyFile) {
    case (nil, nil): break
    case (let certificateFile?, let keyFile?):
      configuration.certificateChain = try RemoteDaemon.read(
        certificateFile, "a certificate in PEM"
      ) {
        try NIOSSLCertificate.fromPEMFile(certificateFile).map { .certificate($0) }
      }
      configuration.privateKey = try RemoteDaemon.read(keyFile, "a private key in PEM") {
        [NIOSSLPrivateKeySource.privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem))]
      }.first
      guard (try? NIOSSLContext(configuration: configuration)) != nil else {
        throw .unusable("\(keyFile) is not the key of the certificate in \(certificateFile)")
      }
    default: throw .unusable("--certificate and --key belong together; give both or neither")
    }
    return configuration
  }

  private static func read<Part>(_ path: String, _ what: String, _ body: () throws -> [Part])
    throws(ControlClientError) -> [Part]
  {
    guard unsafe access(path, R_OK) == 0 else {
      throw .unusable("\(path) cannot be read: \(unsafe String(cString: strerror(errno)))")
    }
    guard let parts = try? body(), !parts.isEmpty else {
      throw .unusable("\(path) must hold \(what)")
    }
    return parts
  }
}
