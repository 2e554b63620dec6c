public import Inventory
import OrderedCollections

// What the administrators' part of the API takes and gives.

extension AccessEntry {
  /// An access in answers and lists, without what proves it.
  /// - Parameter lastUsedSeconds: Since 1970; nil where it was not used since the daemon's start.
  public func form(lastUsedSeconds: Int? = nil, token: String? = nil) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("name", .string(name)), ("role", .string(role.rawValue)),
    ]
    if let project { members.append(("project", .string(project))) }
    switch proof {
    case .token: members.append(("proof", "token"))
    case .certificate(let subject):
      members.append(("proof", "certificate"))
      members.append(("certificateSubject", .string(subject)))
    }
    members.append(("createdAt", .string(Timestamp.text(secondsSince1970: createdAtSeconds))))
    if let expiresAtSeconds {
      members.append(("expiresAt", .string(Timestamp.text(secondsSince1970: expiresAtSeconds))))
    }
    if let lastUsedSeconds {
      members.append(("lastUsed", .string(Timestamp.text(secondsSince1970: lastUsedSeconds))))
    }
    if let token { members.append(("token", .string(token))) }
    return .object(members)
  }
}

/// What is asked of a new access.
public struct AccessRequest: Sendable, Hashable {
  public var name: String
  public var role: Role
  public var project: String?
  /// A name in a client certificate; nil for a token.
  public var certificateSubject: String?
  /// How long it lasts; nil for ever.
  public var expiresInSeconds: Int?

  public init(
    name: String, role: Role, project: String? = nil, certificateSubject: String? = nil,
    expiresInSeconds: Int? = nil
  ) {
    self.name = name
    self.role = role
    self.project = project
    self.certificateSubject = certificateSubject
    self.expiresInSeconds = expiresInSeconds
  }

  public var form: JSONValue {
    var members: [(String, JSONValue)] = [
      ("name", .string(name)), ("role", .string(role.rawValue)),
    ]
    if let project { members.append(("project", .string(project))) }
    if let certificateSubject {
      members.append(("certificateSubject", .string(certificateSubject)))
    }
    if let expiresInSeconds { members.append(("expiresInSeconds", JSONValue(expiresInSeconds))) }
    return .object(members)
  }

  private static let fields = [
    "name", "role", "project", "certificateSubject", "expiresInSeconds",
  ]

  /// Reads and checks a request.
  public init(form value: JSONValue) throws(Problem) {
    guard let members = value.object else {
      throw Problem(.invalid, "the body must be a map, not \(value.typeName)")
    }
    if let unknown = members.keys.first(where: { !AccessRequest.fields.contains($0) }) {
      throw Problem(
        .invalid,
        "is not known here; an access has \(AccessRequest.fields.joined(separator: ", "))",
        field: unknown)
    }
    let text = { (field: String) throws(Problem) -> String? in
      guard let value = value[field], value != .null else { return nil }
      guard let text = value.string else { throw Problem(.invalid, "must be text", field: field) }
      return text
    }
    guard let name = try text("name"), AccessRequest.isWord(name) else {
      throw Problem(
        .invalid, "must be 1 to 64 letters, digits, '.', '_', '@' and '-'", field: "name")
    }
    guard let role = try text("role").flatMap(Role.init(rawValue:)) else {
      let roles = Role.allCases.map(\.rawValue).joined(separator: ", ")
      throw Problem(.invalid, "must be one of \(roles)", field: "role")
    }
    project = try text("project")
    if let project, project.isEmpty || project.utf8.count > Limits.maximumNameCharacters {
      throw Problem(.invalid, "must be a project's id", field: "project")
    }
    guard project == nil || role < .admin else {
      throw Problem(
        .invalid,
        "an admin gives access to all projects, so it cannot be kept to one; "
          + "use the role operator", field: "project")
    }
    certificateSubject = try text("certificateSubject").map(CertificateName.normalised)
    if let certificateSubject, !CertificateName.isReadable(certificateSubject) {
      throw Problem(
        .invalid,
        "must be a name that stands in the certificate, as CN:alice, DNS:host.example "
          + "or URI:spiffe://example/alice", field: "certificateSubject")
    }
    if let seconds = value["expiresInSeconds"], seconds != .null {
      guard let number = seconds.integer, (1...Limits.maximumAccessSeconds).contains(number) else {
        throw Problem(
          .invalid, "must be a number from 1 to \(Limits.maximumAccessSeconds)",
          field: "expiresInSeconds")
      }
      expiresInSeconds = number
    } else {
      expiresInSeconds = nil
    }
    self.name = name
    self.role = role
  }

  private static func isWord(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
          || (0x61...0x7A).contains(byte) || ".-_@".utf8.contains(byte)
      }
  }
}

/// The names in a certificate, each with its kind before it, so that what one kind says is never
/// taken for another.
public enum CertificateName {
  public static func common(_ name: String) -> String { "CN:\(name)" }
  public static func host(_ name: String) -> String { "DNS:\(name.lowercased())" }
  public static func uri(_ name: String) -> String { "URI:\(name)" }

  /// Host names are the same in either case.
  static func normalised(_ text: String) -> String {
    text.hasPrefix("DNS:") ? host(String(text.dropFirst(4))) : text
  }

  static func isReadable(_ text: String) -> Bool {
    let kinds = ["CN:", "DNS:", "URI:"]
    return kinds.contains { text.hasPrefix($0) && text.utf8.count > $0.utf8.count }
      && text.utf8.count <= Limits.maximumNameCharacters * 4
      && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
  }
}

// MARK: - Audit

extension AuditEntry {
  public var form: JSONValue {
    var members: [(String, JSONValue)] = [
      ("position", JSONValue(Int(position))),
      ("at", .string(Timestamp.text(secondsSince1970: atSeconds))),
      ("by", .string(author.kind.rawValue)), ("name", .string(author.name)),
    ]
    if let peer = author.peer { members.append(("peer", .string(peer))) }
    members.append(("operation", .string(operation)))
    if let subject {
      members.append(("kind", .string(subject.kind)))
      members.append(("id", .string(subject.id)))
    }
    members.append(("outcome", .string(outcome.text)))
    if let before { members.append(("before", JSONValue(revision: before))) }
    if let after { members.append(("after", JSONValue(revision: after))) }
    return .object(members)
  }

  /// Reads a line's form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let position = value["position"]?.integer,
      let at = value["at"]?.string.flatMap(Timestamp.seconds),
      let kind = value["by"]?.string.flatMap(Author.Kind.init(rawValue:)),
      let name = value["name"]?.string, let operation = value["operation"]?.string,
      let outcome = value["outcome"]?.string.flatMap(Outcome.init(text:))
    else { return nil }
    var subject: Subject?
    if let kind = value["kind"]?.string, let id = value["id"]?.string {
      subject = Subject(kind: kind, id: id)
    }
    self.init(
      position: Int64(position), atSeconds: at,
      author: Author(kind, name, peer: value["peer"]?.string), operation: operation,
      subject: subject, outcome: outcome, before: value["before"]?.revision,
      after: value["after"]?.revision)
  }
}

extension AuditQuery {
  /// Reads a query's parameters.
  public init(_ values: [String: String]) throws(Problem) {
    self.init(limit: Limits.defaultPageSize)
    if let text = values["after"] {
      guard let number = Int64(text), number >= 0 else {
        throw Problem(.badRequest, "must be a line's position", field: "after")
      }
      after = number
    }
    if let text = values["limit"] {
      guard let number = Int(text), (1...Limits.maximumPageSize).contains(number) else {
        throw Problem(
          .badRequest, "must be a whole number from 1 to \(Limits.maximumPageSize)",
          field: "limit")
      }
      limit = number
    }
    if let text = values["resource"] {
      guard let subject = AuditEntry.Subject(path: text) else {
        throw Problem(
          .badRequest, "must be as in paths, like instances/ID or access/NAME", field: "resource")
      }
      self.subject = subject
    }
  }

  /// The query as text, to ask with.
  public var text: String {
    var parts = ["limit=\(limit)"]
    if let after { parts.append("after=\(after)") }
    if let subject { parts.append("resource=\(PercentCoding.encode(subject.path))") }
    return parts.joined(separator: "&")
  }
}

extension AuditEntry.Subject {
  /// The subject as paths have it: `instances/ID`, `keypairs/PROJECT/NAME`, `access/NAME`.
  public init?(path: String) {
    let parts = path.split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    if parts[0] == "access" {
      self = .access(parts[1])
    } else if let kind = ResourceKind(collection: parts[0]) {
      self.init(kind: kind.rawValue, id: parts[1])
    } else {
      return nil
    }
  }

  public var path: String {
    let collection = ResourceKind(rawValue: kind)?.collection ?? "access"
    return "\(collection)/\(id)"
  }
}
