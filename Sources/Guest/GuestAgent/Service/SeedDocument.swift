import FoundationEssentials

/// `meta-data` of a NoCloud seed: JSON, or as much of YAML as such a document needs, which is a field
/// a line, its text plain or in quotes, and lists. Fields that this agent does not want may hold
/// whatever they like.
struct SeedDocument {
  private(set) var id: String?
  private(set) var localHostName: String?
  private(set) var hostName: String?
  private(set) var keys: [String] = []

  init(_ bytes: [UInt8]) throws(AgentError) {
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    if text.first(where: { !$0.isWhitespace }) == "{" {
      try readJSON(bytes)
      return
    }
    var index = 0
    while index < lines.count {
      let line = lines[index]
      index += 1
      guard let (name, value) = SeedDocument.field(line) else { continue }
      switch name {
      case "instance-id": id = try SeedDocument.scalar(value, of: name)
      case "local-hostname": localHostName = try SeedDocument.scalar(value, of: name)
      case "hostname": hostName = try SeedDocument.scalar(value, of: name)
      case "public-keys":
        keys = value.isEmpty ? try items(lines, &index) : try SeedDocument.flow(value)
      default: break
      }
    }
  }

  private struct JSONForm: Decodable {
    var id: String?
    var localHostName: String?
    var hostName: String?
    var keys: [String]?
    enum CodingKeys: String, CodingKey {
      case id = "instance-id"
      case localHostName = "local-hostname"
      case hostName = "hostname"
      case keys = "public-keys"
    }
  }

  private mutating func readJSON(_ bytes: [UInt8]) throws(AgentError) {
    guard let form = try? JSONDecoder().decode(JSONForm.self, from: Data(bytes)) else {
      throw AgentError("its meta-data cannot be read: no JSON, or not what a machine's is")
    }
    id = form.id
    localHostName = form.localHostName
    hostName = form.hostName
    keys = form.keys ?? []
  }

  // MARK: YAML

  /// `name: value` that starts its line; what is indented belongs to another field.
  private static func field(_ line: Substring) -> (name: String, value: Substring)? {
    guard let first = line.first, first.isLetter, let colon = line.firstIndex(of: ":") else {
      return nil
    }
    let rest = line[line.index(after: colon)...]
    guard rest.isEmpty || rest.first == " " else { return nil }
    return (String(line[..<colon]), trimmed(rest))
  }

  /// The lines `- value` that follow.
  private func items(_ lines: [Substring], _ index: inout Int) throws(AgentError) -> [String] {
    var items: [String] = []
    while index < lines.count {
      let line = SeedDocument.trimmed(lines[index])
      let isComment = line.isEmpty || line.hasPrefix("#")
      guard isComment || line.hasPrefix("- ") else {
        // A list of names with keys, as EC2 has it, starts otherwise.
        guard lines[index].first != " " else { throw SeedDocument.notAList }
        return items
      }
      index += 1
      if !isComment {
        let value = SeedDocument.trimmed(line.dropFirst())
        items.append(try SeedDocument.scalar(value, of: "public-keys"))
      }
    }
    return items
  }

  private static let notAList = AgentError("public-keys in its meta-data is no list of keys")

  /// `["a", "b"]`, which is JSON too, or one key.
  private static func flow(_ value: Substring) throws(AgentError) -> [String] {
    guard value.hasPrefix("[") else {
      if value.hasPrefix("{") { throw notAList }
      return [try scalar(value, of: "public-keys")]
    }
    guard let items = try? JSONDecoder().decode([String].self, from: Data(value.utf8)) else {
      throw notAList
    }
    return items
  }

  /// A plain text, or one in quotes.
  private static func scalar(_ value: Substring, of name: String) throws(AgentError) -> String {
    switch value.first {
    case "\"":
      // JSON's escapes are YAML's, too.
      guard let text = try? JSONDecoder().decode(String.self, from: Data(value.utf8)) else { break }
      return text
    case "'":
      guard value.count >= 2, value.last == "'" else { break }
      // A quote in it is doubled.
      return value.dropFirst().dropLast().split(separator: "'", omittingEmptySubsequences: false)
        .enumerated().map { $0 % 2 == 1 && $1.isEmpty ? "'" : String($1) }.joined()
    case "|", ">", "&", "*", "!", "[", "{": break
    default:
      // A comment starts after a space: a key's own may have one within a word.
      let comment = zip(value.indices, value.indices.dropFirst())
        .first { value[$0] == " " && value[$1] == "#" }
      return String(trimmed(value[..<(comment?.0 ?? value.endIndex)]))
    }
    throw AgentError("\(name) in its meta-data is in a form of YAML that is not read here")
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
    return text
  }
}
