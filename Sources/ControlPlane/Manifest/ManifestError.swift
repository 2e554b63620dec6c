import Inventory

/// Everything that is wrong with a manifest, up to a bound.
public struct ManifestError: Error, Sendable, Hashable, CustomStringConvertible {
  /// How many findings are told; a file of another format would have one a line.
  public static let maximumIssues = 20

  /// The findings in the file's order; never empty.
  public var issues: [Issue]
  /// Whether there were more than ``maximumIssues``.
  public var isTruncated: Bool

  public init(issues: [Issue], isTruncated: Bool = false) {
    self.issues = issues
    self.isTruncated = isTruncated
  }

  /// One finding.
  public struct Issue: Sendable, Hashable, CustomStringConvertible {
    /// The manifest's name, as the caller gave it.
    public var file: String
    /// Counted from 1.
    public var line: Int
    /// The field, such as `interfaces[0].mac`; empty for the document or the file itself.
    public var field: String
    /// What is wrong, in words that say what to do.
    public var message: String

    public init(file: String, line: Int, field: String, message: String) {
      self.file = file
      self.line = line
      self.field = field
      self.message = message
    }

    /// `web.yaml:12: interfaces[0].mac: must be …`.
    public var description: String {
      field.isEmpty ? "\(file):\(line): \(message)" : "\(file):\(line): \(field): \(message)"
    }
  }

  /// One finding a line.
  public var description: String {
    var lines = issues.map(\.description)
    if isTruncated { lines.append("… and more; these are the first \(issues.count)") }
    return lines.joined(separator: "\n")
  }
}

/// Why a file beside the manifest could not be read, in words for the operator.
public struct ManifestFileError: Error, Sendable, Hashable {
  public var message: String
  public init(message: String) { self.message = message }
}

/// A finding before it is known which file it is in.
struct LineError: Error {
  var line: Int
  var message: String
}

/// Collects findings until there are enough of them.
struct IssueList {
  let file: String
  private(set) var issues: [ManifestError.Issue] = []
  private(set) var isTruncated = false

  init(file: String) { self.file = file }

  var isFull: Bool { isTruncated }

  mutating func add(line: Int, field: String = "", _ message: String) {
    guard issues.count < ManifestError.maximumIssues else {
      isTruncated = true
      return
    }
    issues.append(.init(file: file, line: line, field: field, message: message))
  }

  mutating func add(_ error: FieldError, in lines: LineTree) {
    add(line: lines.line(of: error.path), field: error.path, error.message)
  }

  /// Throws what was found, if anything was.
  func finish() throws(ManifestError) {
    guard issues.isEmpty else {
      throw ManifestError(issues: issues, isTruncated: isTruncated)
    }
  }
}
