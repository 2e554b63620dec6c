public import Inventory
import OrderedCollections

/// Why a request was not done, as RFC 9457 has it.
public struct ControlProblem: Error, Sendable, Hashable, CustomStringConvertible {
  public static let contentType = "application/problem+json"

  public var status: Int
  /// The kind of problem in a word, such as `claimed`; on the wire a URN.
  public var type: String
  public var title: String
  public var detail: String
  /// The field that is to blame.
  public var field: String?
  /// The document of a batch that is to blame, counted from 0.
  public var index: Int?
  /// The resource that has what was claimed.
  public var holder: String?

  public init(
    status: Int, type: String, title: String, detail: String, field: String? = nil,
    index: Int? = nil, holder: String? = nil
  ) {
    self.status = status
    self.type = type
    self.title = title
    self.detail = detail
    self.field = field
    self.index = index
    self.holder = holder
  }

  public var description: String {
    field.map { "\($0): \(detail)" } ?? (detail.isEmpty ? title : detail)
  }

  private static let prefix = "urn:nameplate:problem:"

  public var value: JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [
      "type": .string(ControlProblem.prefix + type), "title": .string(title),
      "status": JSONValue(status), "detail": .string(detail),
    ]
    if let field { members["field"] = .string(field) }
    if let index { members["index"] = JSONValue(index) }
    if let holder { members["holder"] = .string(holder) }
    return .object(members)
  }

  /// Reads a problem that a daemon sent.
  public init?(_ value: JSONValue) {
    guard let status = value["status"]?.integer, let title = value["title"]?.string else {
      return nil
    }
    let type = value["type"]?.string ?? ""
    self.init(
      status: status, type: String(type.dropFirst(ControlProblem.prefix.count)), title: title,
      detail: value["detail"]?.string ?? "", field: value["field"]?.string,
      index: value["index"]?.integer, holder: value["holder"]?.string)
  }
}

extension ControlProblem {
  /// The one table from the store's refusals to statuses.
  public init(_ error: StoreError) {
    let (status, type, title): (Int, String, String) =
      switch error {
      case .claimed: (409, "claimed", "Another resource has it")
      case .missingReference: (422, "missing-reference", "It refers to what does not exist")
      case .stillReferenced: (409, "still-referenced", "Others refer to it")
      case .notFound: (404, "not-found", "It does not exist")
      case .preconditionFailed: (412, "precondition-failed", "It has changed")
      case .passwordAlreadySet: (409, "password-already-set", "The password is set")
      case .undeletable: (409, "undeletable", "It always exists")
      case .compacted: (410, "compacted", "The changes are no longer known")
      case .full: (507, "disk-full", "The disk is full")
      case .unavailable: (503, "store-unavailable", "The store cannot be used")
      case .corrupt: (500, "store-corrupt", "The store is damaged")
      }
    self.init(
      status: status, type: type, title: title, detail: error.description,
      index: error.mutationIndex)
    if case .claimed(_, _, _, let holder) = error { self.holder = holder.description }
  }

  public init(_ error: FieldError, index: Int? = nil) {
    self.init(
      status: 422, type: "invalid-field", title: "A field cannot be used", detail: error.message,
      field: error.path.isEmpty ? nil : error.path, index: index)
  }

  public init(_ error: JSONSyntaxError, index: Int? = nil) {
    self.init(
      status: 400, type: "not-json", title: "The body is not JSON", detail: error.description,
      index: index)
  }

  public static func notFound(_ id: ResourceID) -> ControlProblem {
    ControlProblem(StoreError.notFound(index: 0, id)).without(index: ())
  }

  private func without(index: Void) -> ControlProblem {
    var copy = self
    copy.index = nil
    return copy
  }

  public static func badRequest(_ detail: String) -> ControlProblem {
    ControlProblem(
      status: 400, type: "bad-request", title: "The request cannot be understood", detail: detail)
  }

  public static func tooLarge(_ limit: Int) -> ControlProblem {
    ControlProblem(
      status: 413, type: "too-large", title: "The body is too large",
      detail: "At most \(limit) bytes are taken.")
  }
}
