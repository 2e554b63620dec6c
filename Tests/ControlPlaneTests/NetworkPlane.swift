import ControlAPI
import ControlServer
import Foundation
import Inventory
import Synchronization
import TestKit
import Testing

@testable import ControlClient

/// A control plane with a listener on the network, whose certificate a test's own authority issued.
struct NetworkPlane: Sendable {
  let plane: Plane
  let port: Int
  /// Holds `ca.pem`, `server.pem`, `server.key`, and what a test puts there.
  let folder: String
  let authority: TestAuthority

  /// Asks over the network.
  func client(token: String? = nil, certificate: String? = nil) throws -> ControlClient {
    try ControlClient(.server(try remote(token: token, certificate: certificate)))
  }

  func remote(token: String? = nil, certificate: String? = nil) throws -> RemoteDaemon {
    try #require(
      RemoteDaemon(
        url: "https://localhost:\(port)", caFile: "\(folder)/ca.pem",
        token: token.map { Secret($0) },
        certificateFile: certificate.map { "\(folder)/\($0).pem" },
        keyFile: certificate.map { "\(folder)/\($0).key" }))
  }

  /// Gives access and returns its token.
  func token(_ role: Role, project: String? = nil, name: String? = nil) async throws -> String {
    let request = AccessRequest(
      name: name ?? "\(role.rawValue)-\(project ?? "all")", role: role, project: project)
    return try #require(try await plane.client.createAccess(request)["token"]?.string)
  }

  /// Lends a client with a new access to `body`.
  func asking(
    as role: Role, project: String? = nil,
    _ body: @Sendable (ControlClient) async throws -> Void
  ) async throws {
    let client = try client(token: try await token(role, project: project))
    do {
      try await body(client)
    } catch {
      await client.shutdown()
      throw error
    }
    await client.shutdown()
  }
}

/// Runs one for the length of `body`.
func withNetworkPlane(
  bounds: ControlBounds = ControlBounds(),
  _ body: @Sendable @escaping (NetworkPlane) async throws -> Void
) async throws {
  let folder = FileManager.default.temporaryDirectory.path + "/np-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  let authority = try TestAuthority()
  try authority.issue("server", into: folder, for: .server)
  try Data(try authority.pem.utf8).write(to: URL(fileURLWithPath: "\(folder)/ca.pem"))
  let opened = Port()
  let network = ControlNetwork(
    address: .v4(0x7F00_0001), port: 0,
    files: ControlTLSFiles(
      certificate: "\(folder)/server.pem", key: "\(folder)/server.key",
      clientCA: "\(folder)/ca.pem"),
    onListening: { port in opened.number.withLock { $0 = port } })
  try await withPlane(network: network, bounds: bounds) { plane in
    try await body(
      NetworkPlane(
        plane: plane, port: opened.number.withLock { $0 }, folder: folder, authority: authority))
  }
}

private final class Port: Sendable {
  let number = Mutex(0)
}

/// The kind of the problem that a question is answered with; nil where it is answered.
func problem(_ ask: () async throws -> Void) async throws -> Problem.Kind? {
  do {
    try await ask()
    return nil
  } catch ControlClientError.problem(let problem) {
    return problem.kind
  }
}
