public import Inventory

/// A resource's revision as HTTP's entity tag, `"42"`, and conditions on it.
public enum ETag {
  public static func text(_ revision: Revision) -> String { "\"\(revision)\"" }

  /// What `If-Match` and `If-None-Match` ask of a write.
  ///
  /// `If-Match: *` asks that the resource exists, `If-None-Match: *` that it does not.
  /// - Throws: A 400 where a header cannot be read, or where both are there.
  public static func precondition(ifMatch: String?, ifNoneMatch: String?) throws(Problem)
    -> Precondition
  {
    switch (ifMatch?.trimmed, ifNoneMatch?.trimmed) {
    case (nil, nil): return .none
    case (nil, "*"): return .absent
    case ("*", nil): return .present
    case (let tags?, nil): return .revisions(try revisions(tags, "If-Match"))
    case (nil, _): throw Problem(.badRequest, "If-None-Match takes only * on a write")
    default: throw Problem(.badRequest, "If-Match and If-None-Match exclude each other")
    }
  }

  /// Whether a reader that sent `If-None-Match` has this revision already.
  public static func isKnown(_ revision: Revision, to ifNoneMatch: String?) -> Bool {
    guard let tags = ifNoneMatch?.trimmed else { return false }
    if tags == "*" { return true }
    return tags.split(separator: ",").contains { tag in
      let tag = String(tag).trimmed
      return tag == text(revision) || tag == "W/\(text(revision))"
    }
  }

  private static func revisions(_ tags: String, _ header: String) throws(Problem) -> [Revision] {
    var revisions: [Revision] = []
    for part in tags.split(separator: ",", omittingEmptySubsequences: false) {
      guard let revision = revision(String(part)) else {
        throw Problem(
          .badRequest, "\(header) must be * or revisions in quotes, like \"42\"")
      }
      revisions.append(revision)
    }
    return revisions
  }

  /// The revision in an ETag header; nil where there is none.
  public static func revision(_ tag: String) -> Revision? {
    let tag = tag.trimmed
    guard tag.utf8.count > 2, tag.hasPrefix("\""), tag.hasSuffix("\"") else { return nil }
    return Revision(tag.dropFirst().dropLast())
  }
}
