public import Inventory
import OrderedCollections

/// A resource that a manifest declares, and where.
public struct ManifestEntry: Sendable, Hashable {
  public var resource: Resource
  /// The manifest's name, as the caller gave it.
  public var file: String
  /// The line that its document starts in, counted from 1.
  public var line: Int
  /// Whether the document has no id and `resource`'s was made for it.
  public var madeID: Bool

  public init(resource: Resource, file: String, line: Int, madeID: Bool) {
    self.resource = resource
    self.file = file
    self.line = line
    self.madeID = madeID
  }

  /// `web.yaml:12`.
  public var place: String { "\(file):\(line)" }

  /// The canonical document as it is sent to be applied: without an id that was only made, so that
  /// applying the file again finds the instance that it declared before.
  public var document: JSONValue {
    guard madeID, case .object(var members) = resource.value else { return resource.value }
    members["id"] = nil
    return .object(members)
  }
}

/// Reads a file beside the manifest: its path as the manifest has it, and how many bytes it may
/// have at most.
public typealias ManifestFileReader = (_ path: String, _ maximumBytes: Int)
  throws(ManifestFileError)
  -> [UInt8]

/// Reads all that a manifest declares, in the file's order, or says all that is wrong with it.
///
/// - Parameters:
///   - name: How findings call the text, such as `web.yaml`.
///   - readFile: Reads what `userDataFile` names; nil where there is no "beside", as for a stream.
///   - makeID: The id of an instance that declares none.
public func readManifest(
  text: String, name: String, readFile: ManifestFileReader? = nil,
  makeID: () -> InstanceID = randomInstanceID
) throws(ManifestError) -> [ManifestEntry] {
  var issues = IssueList(file: name)
  var entries: [ManifestEntry] = []
  var lines: [ResourceID: Int] = [:]
  do {
    var source = try DocumentSource(text)
    while !issues.isFull, let document = try source.next() {
      guard let entry = read(document, readFile, makeID, &issues) else { continue }
      if let first = lines[entry.resource.id] {
        issues.add(
          line: entry.line, "\(entry.resource.id) is declared twice, first in line \(first)")
      }
      lines[entry.resource.id] = lines[entry.resource.id] ?? entry.line
      entries.append(entry)
      if entries.count > Limits.maximumBatchDocuments {
        issues.add(
          line: entry.line,
          "the file has more than \(Limits.maximumBatchDocuments) documents; split it")
        break
      }
    }
  } catch {
    issues.add(line: error.line, error.message)
  }
  try issues.finish()
  return entries
}

/// A random UUID.
public func randomInstanceID() -> InstanceID {
  var generator = SystemRandomNumberGenerator()
  return InstanceID.random(using: &generator)
}

private func read(
  _ document: ManifestDocument, _ readFile: ManifestFileReader?, _ makeID: () -> InstanceID,
  _ issues: inout IssueList
) -> ManifestEntry? {
  do {
    let value = try UserDataFile.resolve(document.value, readFile)
    let id = value["id"] ?? .null
    let resource = try withoutActuallyEscaping(makeID) { (makeID) throws(FieldError) in
      try Resource(reading: value, makeID: makeID)
    }
    return ManifestEntry(
      resource: resource, file: issues.file, line: document.line,
      madeID: resource.kind == .instance && id == .null)
  } catch {
    issues.add(error, in: document.lines)
    return nil
  }
}

/// `userDataFile`: a path in the place of the bytes.
enum UserDataFile {
  static let field = "userDataFile"

  /// The document with the file's bytes in the place of its path.
  static func resolve(_ value: JSONValue, _ readFile: ManifestFileReader?) throws(FieldError)
    -> JSONValue
  {
    guard case .object(var members) = value, let path = members[field],
      members["kind"]?.string == ResourceKind.instance.rawValue
    else { return value }
    members[field] = nil
    guard path != .null else { return .object(members) }
    guard let path = path.string else {
      throw error("must be a path in quotes, not \(path.typeName)")
    }
    for other in ["userData", "userDataBase64"] where members[other] ?? .null != .null {
      throw error("and '\(other)' exclude each other; keep one of them")
    }
    guard let readFile else { throw error("needs a manifest that is a file; write userData here") }
    let climbs = path.utf8.split(separator: UInt8(ascii: "/")).contains {
      $0.elementsEqual("..".utf8)
    }
    guard let first = path.utf8.first, first != UInt8(ascii: "/"), !climbs, !path.utf8.contains(0)
    else { throw error("must be a path relative to the manifest, without '..'") }
    let bytes: [UInt8]
    do {
      bytes = try readFile(path, Limits.maximumUserDataBytes)
    } catch {
      throw UserDataFile.error("'\(path)': \(error.message)")
    }
    guard bytes.count <= Limits.maximumUserDataBytes else {
      throw error(
        "'\(path)' has \(bytes.count) bytes; at most \(Limits.maximumUserDataBytes) are allowed")
    }
    members["userDataBase64"] = .string(Base64.encode(bytes))
    return .object(members)
  }

  private static func error(_ message: String) -> FieldError {
    FieldError(path: field, message: message)
  }
}
