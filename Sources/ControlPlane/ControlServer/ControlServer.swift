import ControlAPI
import Glibc
import Hummingbird
public import Logging
public import MetadataService
import NIOCore
public import ServiceLifecycle

/// The operators' side: the control API on a Unix socket. Nothing of it listens where guests are.
public struct ControlServer: Service {
  private let responder: ControlResponder
  private let path: String
  private let logger: Logger
  private let onReady: @Sendable () async -> Void

  /// - Parameters:
  ///   - socketPath: Where the socket is made; its folder is made too, with mode 0755.
  ///   - allowedUIDs: Who may connect beside root and the daemon's own user.
  ///   - onReady: Called once the socket can be connected to.
  public init(
    service: MetadataService, resources: ResourceService, socketPath: String,
    allowedUIDs: Set<UInt32> = [], version: String, logger: Logger,
    onReady: @escaping @Sendable () async -> Void = {}
  ) {
    responder = ControlResponder(
      service: service, resources: resources, peers: PeerRule(allowed: allowedUIDs),
      version: version)
    path = socketPath
    self.logger = logger
    self.onReady = onReady
  }

  public func run() async throws {
    try ControlSocket.prepare(path)
    // Nobody but us until the mode is set: the socket is made with what the mask leaves.
    let mask = umask(0o177)
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .notice)
    let application = Application(
      responder: responder,
      configuration: ApplicationConfiguration(
        address: .unixDomainSocket(path: path), serverName: "nameplate"),
      onServerRunning: { [path, logger, onReady] _ in
        _ = unsafe chmod(path, 0o660)
        umask(mask)
        logger.info("listening for operators", metadata: ["on": "\(path)"])
        await onReady()
      },
      logger: quiet)
    defer { _ = unsafe unlink(path) }
    try await application.run()
  }
}

/// Why the control socket cannot be had, in words that say what to do.
public struct ControlSocketError: Error, CustomStringConvertible, Sendable {
  public let description: String
}

enum ControlSocket {
  /// Makes the folder, and clears away a socket that a dead daemon left.
  static func prepare(_ path: String) throws(ControlSocketError) {
    guard path.utf8.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path) else {
      throw ControlSocketError(
        description: "\(path): is too long for a Unix socket (107 bytes at most); "
          + "set a shorter control_socket")
    }
    makeFolder(of: path)
    guard unsafe access(path, F_OK) == 0 else { return }
    guard !isAnswered(path) else {
      throw ControlSocketError(
        description: "\(path): another daemon listens there; stop it, or set another "
          + "control_socket")
    }
    _ = unsafe unlink(path)
  }

  private static func makeFolder(of path: String) {
    let parts = path.split(separator: "/").dropLast()
    var folder = path.hasPrefix("/") ? "" : "."
    for part in parts {
      folder += "/\(part)"
      _ = unsafe mkdir(folder, 0o755)
    }
  }

  private static func isAnswered(_ path: String) -> Bool {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) {
      unsafe $0.copyBytes(from: Array(path.utf8))
    }
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe connect(descriptor, generic, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }
}
