import Glibc
import Inventory
import Logging
import NIOSSL
import Synchronization

/// The control listener's files, as the configuration names them.
public struct ControlTLSFiles: Sendable, Hashable {
  /// The server's certificate and those between it and its root, PEM.
  public var certificate: String
  public var key: String
  /// Who may issue clients' certificates; nil where clients have tokens only.
  public var clientCA: String?

  public init(certificate: String, key: String, clientCA: String?) {
    self.certificate = certificate
    self.key = key
    self.clientCA = clientCA
  }
}

/// Why the control listener could not be opened, in words for the operator.
public struct ControlListenError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
}

/// The server's certificate and key. They are read again when a file is another one than before, as
/// when a certificate was renewed; what cannot be used then leaves the old ones in place.
final class ServerIdentity: Sendable {
  private struct State {
    var context: NIOSSLContext
    var stamps: [Stamp?]
  }

  private struct Stamp: Equatable {
    var inode: UInt64
    var size: Int64
    var seconds: Int
    var nanoseconds: Int
  }

  private let files: ControlTLSFiles
  private let logger: Logger
  private let state: Mutex<State>

  init(_ files: ControlTLSFiles, logger: Logger) throws(ControlListenError) {
    self.files = files
    self.logger = logger
    let stamps = ServerIdentity.stamps(files)
    state = Mutex(State(context: try ServerIdentity.read(files), stamps: stamps))
  }

  /// What the next connection is served with.
  func context() -> NIOSSLContext {
    let stamps = ServerIdentity.stamps(files)
    let (context, outcome) = state.withLock { state -> (NIOSSLContext, ControlListenError??) in
      guard stamps != state.stamps else { return (state.context, nil) }
      state.stamps = stamps
      do throws(ControlListenError) {
        state.context = try ServerIdentity.read(files)
        return (state.context, .some(nil))
      } catch {
        return (state.context, error)
      }
    }
    switch outcome {
    case nil: break
    case .some(nil): logger.notice("the control listener's certificate was read anew")
    case .some(let problem?):
      logger.error(
        "the control listener goes on with its old certificate", metadata: ["reason": "\(problem)"])
    }
    return context
  }

  private static func stamps(_ files: ControlTLSFiles) -> [Stamp?] {
    [files.certificate, files.key, files.clientCA].map { path in
      var status = stat()
      guard let path, unsafe stat(path, &status) == 0 else { return nil }
      return Stamp(
        inode: UInt64(status.st_ino), size: Int64(status.st_size),
        seconds: Int(status.st_mtim.tv_sec), nanoseconds: Int(status.st_mtim.tv_nsec))
    }
  }

  private static func read(_ files: ControlTLSFiles) throws(ControlListenError) -> NIOSSLContext {
    let chain = try read("control_tls_certificate_file", files.certificate, "a certificate in PEM")
    {
      try NIOSSLCertificate.fromPEMFile(files.certificate)
    }
    let key = try read("control_tls_key_file", files.key, "a private key in PEM without password") {
      [try NIOSSLPrivateKey(file: files.key, format: .pem)]
    }
    guard let key = key.first else { throw ControlListenError(description: "there is no key") }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
    configuration.minimumTLSVersion = .tlsv13
    configuration.maximumTLSVersion = .tlsv13
    configuration.applicationProtocols = ["http/1.1"]
    if let path = files.clientCA {
      let roots = try read("control_tls_client_ca_file", path, "certificates in PEM") {
        try NIOSSLCertificate.fromPEMFile(path)
      }
      configuration.trustRoots = .certificates(roots)
      // A client may come without a certificate; one that has one must have a good one.
      configuration.certificateVerification = .optionalVerification
      configuration.sendCANameList = true
    }
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw ControlListenError(
        description: "control_tls_key_file: \(files.key) is not the key of the certificate in "
          + "\(files.certificate); name the two that belong together")
    }
  }

  private static func read<Part>(
    _ setting: String, _ path: String, _ what: String, _ body: () throws -> [Part]
  ) throws(ControlListenError) -> [Part] {
    guard unsafe access(path, R_OK) == 0 else {
      let reason = unsafe String(cString: strerror(errno))
      throw ControlListenError(
        description: "\(setting): \(path) cannot be read (\(reason)); "
          + "check the path, its owner and its mode")
    }
    guard let parts = try? body(), !parts.isEmpty else {
      throw ControlListenError(description: "\(setting): \(path) must hold \(what)")
    }
    return parts
  }
}
