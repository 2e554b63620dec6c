import ControlAPI
import HTTPTypes
import Hummingbird
import Inventory

/// Access over the network, and who changed what.
struct AccessHandlers: Sendable {
  let book: AccessBook
  let store: any ControlStore
  let now: @Sendable () -> Int
  let randomBytes: @Sendable (Int) -> [UInt8]

  /// What every token begins with, so that programs that look for secrets find one.
  static let tokenPrefix = "npt_"

  func list() -> Response {
    .json(["items": .array(book.all.map { $0.entry.form(lastUsedSeconds: $0.lastUsedSeconds) })])
  }

  func create(_ request: ControlRequest) async throws(Problem) -> Response {
    let wanted = try AccessRequest(form: try await request.json())
    var token: String?
    let proof: AccessEntry.Proof
    if let subject = wanted.certificateSubject {
      proof = .certificate(subject: subject)
    } else {
      let fresh = AccessHandlers.tokenPrefix + AccessHandlers.text(randomBytes(32))
      proof = .token(sha256: AccessBook.hash(fresh))
      token = fresh
    }
    let now = now()
    let entry = AccessEntry(
      name: wanted.name, role: wanted.role, project: wanted.project, proof: proof,
      createdAtSeconds: now, expiresAtSeconds: wanted.expiresInSeconds.map { now + $0 })
    do {
      try await store.grant(entry, by: request.context)
      try await book.load()
    } catch {
      throw Problem(error)
    }
    return .json(entry.form(token: token), status: .created)
  }

  func revoke(_ request: ControlRequest) async throws(Problem) -> Response {
    do {
      try await store.revoke(
        request.parameters["name"] ?? "", by: request.context, now: now())
      try await book.load()
    } catch {
      throw Problem(error)
    }
    return Response(status: .noContent)
  }

  func audit(_ request: ControlRequest) async throws(Problem) -> Response {
    let query = try AuditQuery(try request.query(allowing: ["after", "limit", "resource"]))
    do {
      return .json(["items": .array(try await store.entries(query).map(\.form))])
    } catch {
      throw Problem(error)
    }
  }

  /// Base64 for URLs, without padding (RFC 4648, 5).
  private static func text(_ bytes: [UInt8]) -> String {
    var text = Base64.encode(bytes)
    text.removeAll { $0 == "=" }
    return text.replacing("+", with: "-").replacing("/", with: "_")
  }
}
