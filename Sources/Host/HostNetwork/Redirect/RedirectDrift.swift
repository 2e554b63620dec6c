import HostProcess

/// What differs between the rules that should be and those that are, in an operator's words.
enum RedirectDrift {
  /// - Parameter place: `chain prerouting of table inet nameplate`.
  static func compare(expected: [String], actual: [String], place: String) -> [String] {
    if expected == actual { return [] }
    let (missing, extra) = (subtract(expected, actual), subtract(actual, expected))
    if missing.isEmpty && extra.isEmpty {
      return ["the rules of \(place) stand in another order"]
    }
    if actual.isEmpty { return ["the \(place) has no rules"] }
    return missing.map { "the rule '\($0)' is missing from \(place)" }
      + extra.map { "the rule '\($0)' in \(place) is not ours" }
  }

  private static func subtract(_ one: [String], _ other: [String]) -> [String] {
    var rest = other
    return one.filter { line in
      guard let index = rest.firstIndex(of: line) else { return true }
      rest.remove(at: index)
      return false
    }
  }
}

/// What `nft list table` printed, by chain, and what it counted.
struct NftablesListing: Hashable {
  /// The lines of each chain, without counts; what is in no chain is under "".
  private(set) var chains: [String: [String]] = [:]
  /// Packets that were translated: each connection's first.
  private(set) var translated: UInt64 = 0

  init(_ output: String) {
    var chain = ""
    for line in output.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      switch words.first {
      case "table", nil: continue
      case "chain" where words.count == 3:
        chain = words[1]
        chains[chain] = []
      case "}": chain = ""
      default:
        let (text, packets) = NftablesListing.uncounted(words)
        if words.contains("dnat") && chain == "prerouting" { translated += packets }
        chains[chain, default: []].append(text)
      }
    }
  }

  private static func uncounted(_ words: [String]) -> (String, UInt64) {
    guard let index = words.firstIndex(of: "packets"), index + 3 < words.count,
      words[index + 2] == "bytes", let packets = UInt64(words[index + 1])
    else { return (words.joined(separator: " "), 0) }
    let rest = words[..<index] + words[(index + 4)...]
    return (rest.joined(separator: " "), packets)
  }

  /// What nft lists of a table, such as `inet nameplate`; nil where it is not there.
  static func text(of table: String, _ tools: HostTools) async throws(RedirectError) -> String? {
    do {
      return try await tools.run(
        "nft", ["list", "table"] + table.split(separator: " ").map(String.init))
    } catch {
      guard case .failed(_, let message) = error.reason,
        message.contains("No such file or directory"), message.hasPrefix("Error: ")
      else { throw .tool(error) }
      return nil
    }
  }

  func drift(from expected: NftablesListing, table: String = NftablesText.table) -> [String] {
    let names = Set(chains.keys).union(expected.chains.keys).sorted()
    return names.flatMap { name -> [String] in
      let place = "chain \(name) of table \(table)"
      guard let wanted = expected.chains[name] else {
        return [
          name.isEmpty
            ? "something else is in table \(table)" : "the \(place) is not ours"
        ]
      }
      guard let found = chains[name] else { return ["the \(place) is missing"] }
      // A base chain's first line says where it hangs.
      let heads = wanted.first?.hasPrefix("type ") == true ? 1 : 0
      if wanted.prefix(heads) != found.prefix(heads) { return ["the \(place) hangs elsewhere"] }
      return RedirectDrift.compare(
        expected: Array(wanted.dropFirst(heads)), actual: Array(found.dropFirst(heads)),
        place: place)
    }
  }
}
