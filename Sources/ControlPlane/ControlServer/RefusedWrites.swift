import ControlAPI
import Inventory
import Logging

/// Notes in the audit log what somebody wanted to change and could not.
struct RefusedWrites: Sendable {
  let log: any AuditLog
  let now: @Sendable () -> Int
  let logger: Logger

  /// Where the log cannot be written, the answer stays what it is; the program's own log says so.
  func note(_ problem: Problem, _ request: ControlRequest) async {
    guard request.route.operation.rule.isWrite, !problem.isFault else { return }
    let entry = AuditEntry(
      atSeconds: now(), author: request.principal.author,
      operation: request.route.operation.rawValue, subject: subject(request),
      outcome: .refused(reason: problem.kind.rawValue))
    do {
      try await log.note(refused: entry)
    } catch {
      logger.error(
        "a refused write is not in the audit log", metadata: ["reason": "\(error.description)"])
    }
  }

  private func subject(_ request: ControlRequest) -> AuditEntry.Subject? {
    if let name = request.parameters["name"] { return .access(AuditEntry.bounded(name)) }
    guard let kind = request.route.kind, let id = request.parameters["id"] else { return nil }
    return AuditEntry.Subject(kind: kind.rawValue, id: AuditEntry.bounded(id))
  }
}

extension Problem {
  /// Whether it is the service's doing and not a refusal: the store says it itself, and may be
  /// what cannot be written.
  fileprivate var isFault: Bool { kind.status >= 500 }
}

extension AuditEntry {
  /// What a path names may be anything, of any length.
  fileprivate static func bounded(_ text: String) -> String {
    String(
      text.unicodeScalars.prefix(Limits.maximumNameCharacters).map { scalar in
        scalar.value < 0x20 || scalar.value == 0x7F ? "?" : Character(scalar)
      })
  }
}
