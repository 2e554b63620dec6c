/// What `iptables-save -c` printed.
struct IptablesSave: Hashable {
  struct Rule: Hashable {
    let chain: String
    /// Without `-A CHAIN `, as the tool wrote it.
    let text: String
    let packets: UInt64
  }

  struct Table: Hashable {
    var chains: Set<String> = []
    /// Whether nothing but empty built-in chains that accept is in it.
    var isEmpty = true
    var rules: [Rule] = []
  }

  private(set) var tables: [String: Table] = [:]

  /// An empty ruleset.
  init() {}

  /// Lines that are none of the format are passed over.
  init(_ output: String) {
    var name = ""
    for line in output.split(separator: "\n") {
      switch line.first {
      case "*":
        name = String(line.dropFirst())
        tables[name, default: Table()].isEmpty = true
      case ":":
        let words = line.dropFirst().split(separator: " ")
        guard words.count >= 2 else { continue }
        tables[name, default: Table()].chains.insert(String(words[0]))
        if words[1] != "ACCEPT" { tables[name]?.isEmpty = false }
      case "[", "-":
        guard let rule = IptablesSave.rule(line) else { continue }
        tables[name, default: Table()].rules.append(rule)
        tables[name]?.isEmpty = false
      default: continue
      }
    }
  }

  private static func rule(_ line: Substring) -> Rule? {
    var rest = line
    var packets: UInt64 = 0
    if rest.first == "[" {
      guard let end = rest.firstIndex(of: "]") else { return nil }
      let counts = rest[rest.index(after: rest.startIndex)..<end].split(separator: ":")
      packets = counts.first.flatMap { UInt64($0) } ?? 0
      rest = rest[rest.index(after: end)...].drop { $0 == " " }
    }
    let parts = rest.split(separator: " ", maxSplits: 2)
    guard parts.count >= 2, parts[0] == "-A" else { return nil }
    let text = parts.count > 2 ? String(parts[2]) : ""
    return Rule(chain: String(parts[1]), text: text, packets: packets)
  }

  func rules(of chain: String, in table: String) -> [Rule] {
    tables[table]?.rules.filter { $0.chain == chain } ?? []
  }

  /// Every rule that leads into one of these chains, whatever else it says.
  func jumps(to names: Set<String>, in table: String) -> [Rule] {
    tables[table]?.rules.filter { rule in
      let words = IptablesSave.unquoted(rule.text).split(separator: " ")
      return zip(words, words.dropFirst()).contains {
        ($0 == "-j" || $0 == "-g") && names.contains(String($1))
      }
    } ?? []
  }

  /// Without what stands in quotes: a comment may say anything.
  private static func unquoted(_ text: String) -> String {
    var result = ""
    var (isQuoted, isEscaped) = (false, false)
    for character in text {
      if isEscaped {
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == "\"" {
        isQuoted.toggle()
      } else if !isQuoted {
        result.append(character)
      }
    }
    return result
  }
}
