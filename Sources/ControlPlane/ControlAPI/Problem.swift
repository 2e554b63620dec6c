public import Inventory

/// Why a request failed, as RFC 9457 has it. It is what the server throws, what goes over the
/// wire, and what the client throws again.
public struct Problem: Error, Sendable, Hashable {
  public var kind: Kind
  /// What happened, in words that say what to do.
  public var detail: String
  /// The path that was asked for.
  public var instance: String?
  /// The field that is to blame, such as `interfaces[0].mac`.
  public var field: String?
  /// Which of several documents is to blame, counted from 0.
  public var index: Int?
  /// The document before it that declares the same resource, counted from 0.
  public var firstIndex: Int?
  /// The resource that has what was claimed, or that still refers to what should go.
  public var holder: String?
  /// The revision that a resource stands at, or the oldest that is remembered.
  public var revision: Revision?
  /// The methods that the path takes, on ``Kind/methodNotAllowed``.
  public var allow: [String] = []
  /// When it is worth trying again, on ``Kind/tooManyRequests`` and what else passes by itself.
  public var retryAfterSeconds: Int?

  public init(
    _ kind: Kind, _ detail: String, field: String? = nil, index: Int? = nil,
    holder: String? = nil, revision: Revision? = nil
  ) {
    self.kind = kind
    self.detail = detail
    self.field = field
    self.index = index
    self.holder = holder
    self.revision = revision
  }

  /// Kinds of problems: each has a name that never changes and one status.
  public enum Kind: String, Sendable, CaseIterable {
    case badRequest = "bad-request"
    case unauthorized
    case forbidden
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case claimed
    case stillReferenced = "still-referenced"
    case undeletable
    case passwordAlreadySet = "password-already-set"
    case contention
    case compacted
    case preconditionFailed = "precondition-failed"
    case contentTooLarge = "content-too-large"
    case targetTooLong = "target-too-long"
    case invalid
    case tooManyRequests = "too-many-requests"
    case missingReference = "missing-reference"
    case internalError = "internal-error"
    case unavailable
    case notVisible = "not-visible"
    case full

    /// The HTTP status code.
    public var status: Int {
      switch self {
      case .badRequest: 400
      case .unauthorized: 401
      case .forbidden: 403
      case .notFound: 404
      case .methodNotAllowed: 405
      case .claimed, .stillReferenced, .undeletable, .passwordAlreadySet, .contention: 409
      case .compacted: 410
      case .preconditionFailed: 412
      case .contentTooLarge: 413
      case .targetTooLong: 414
      case .invalid, .missingReference: 422
      case .tooManyRequests: 429
      case .internalError: 500
      case .unavailable: 503
      case .notVisible: 504
      case .full: 507
      }
    }

    /// The kind in words.
    public var title: String {
      switch self {
      case .badRequest: "The request cannot be read"
      case .unauthorized: "Nobody knows who you are"
      case .forbidden: "Not allowed"
      case .notFound: "There is no such thing"
      case .methodNotAllowed: "The path does not take this method"
      case .claimed: "Another resource has this already"
      case .stillReferenced: "Another resource still refers to this"
      case .undeletable: "This always exists"
      case .passwordAlreadySet: "The password is set already"
      case .contention: "Others change this all the time"
      case .compacted: "Changes are not remembered so far back"
      case .preconditionFailed: "The resource has changed"
      case .contentTooLarge: "The body is too large"
      case .targetTooLong: "The path is too long"
      case .invalid: "The document is not valid"
      case .missingReference: "The document refers to what does not exist"
      case .tooManyRequests: "Too many attempts"
      case .internalError: "Something went wrong in the server"
      case .unavailable: "The store cannot be used now"
      case .notVisible: "Written, but not yet visible"
      case .full: "The disk is full"
      }
    }

    /// The URI that names the kind.
    public var type: String { "urn:nameplate:problem:\(rawValue)" }
  }
}

extension Problem: CustomStringConvertible {
  /// The detail, with the document and the field it is about.
  public var description: String {
    let place = [index.map { "document \($0)" }, field].compactMap(\.self)
    return (place + [detail]).joined(separator: ": ")
  }
}

// MARK: - JSON

extension Problem {
  /// The problem as JSON; ``init(reading:)`` reads it back.
  public var value: JSONValue {
    var members: [(String, JSONValue)] = [
      ("type", .string(kind.type)), ("title", .string(kind.title)),
      ("status", JSONValue(kind.status)), ("detail", .string(detail)),
    ]
    if let instance { members.append(("instance", .string(instance))) }
    if let field { members.append(("field", .string(field))) }
    if let index { members.append(("index", JSONValue(index))) }
    if let firstIndex { members.append(("firstIndex", JSONValue(firstIndex))) }
    if let holder { members.append(("holder", .string(holder))) }
    if let revision { members.append(("revision", JSONValue(revision: revision))) }
    return .object(members)
  }

  /// Reads a problem; nil where the value is none.
  public init?(reading value: JSONValue) {
    guard let type = value["type"]?.string,
      let kind = Kind.allCases.first(where: { $0.type == type }),
      let detail = value["detail"]?.string
    else { return nil }
    self.init(
      kind, detail, field: value["field"]?.string, index: value["index"]?.integer,
      holder: value["holder"]?.string, revision: value["revision"]?.revision)
    instance = value["instance"]?.string
    firstIndex = value["firstIndex"]?.integer
  }
}

// MARK: - What becomes of others' errors

extension Problem {
  /// The answer for a resource that is not declared, or that who asks may not see.
  public static func missing(_ id: ResourceID) -> Problem {
    let isShort = id.kind == .keyPair && !id.text.contains("/")
    return Problem(
      .notFound,
      "\(id) does not exist" + (isShort ? "; a project's is called PROJECT/\(id.text)" : ""))
  }

  /// A document that cannot be read.
  public init(_ error: FieldError, index: Int? = nil) {
    self.init(
      .invalid, error.message, field: error.path.isEmpty ? nil : error.path, index: index)
  }

  /// A body that is not JSON.
  public init(_ error: JSONSyntaxError, index: Int? = nil) {
    self.init(.badRequest, "the body is not JSON: \(error)", index: index)
  }

  /// The one table from the store's errors to statuses.
  /// - Parameter indices: For each mutation, the place that its document has in the request; nil
  ///   where the request is about one resource only.
  public init(_ error: StoreError, indices: [Int]? = nil) {
    let kind: Kind
    switch error {
    case .claimed: kind = .claimed
    case .missingReference: kind = .missingReference
    case .stillReferenced: kind = .stillReferenced
    case .notFound: kind = .notFound
    case .preconditionFailed: kind = .preconditionFailed
    case .passwordAlreadySet: kind = .passwordAlreadySet
    case .foreign, .accessMissing: kind = .notFound
    case .outOfScope: kind = .forbidden
    case .accessExists: kind = .claimed
    case .undeletable: kind = .undeletable
    case .compacted: kind = .compacted
    case .full: kind = .full
    case .unavailable, .corrupt: kind = .unavailable
    }
    self.init(kind, error.description)
    if let mutation = error.mutationIndex, let indices, indices.indices.contains(mutation) {
      index = indices[mutation]
    }
    switch error {
    case .claimed(_, _, _, let holder): self.holder = holder.description
    case .stillReferenced(_, _, let by): holder = by.description
    case .preconditionFailed(_, _, let current): revision = current
    case .compacted(let oldest): revision = oldest
    case .foreign(_, let id): detail = Problem.missing(id).detail
    case .outOfScope: field = "project"
    default: break
    }
  }
}
