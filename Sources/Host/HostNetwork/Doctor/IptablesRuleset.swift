import Inventory

/// Reads what `iptables-save` prints, of either variant.
enum IptablesRuleset {
  private static let priorities: [String: [String: Int]] = [
    "raw": ["PREROUTING": -300], "mangle": ["PREROUTING": -150, "FORWARD": -150, "INPUT": -150],
    "nat": ["PREROUTING": -100, "POSTROUTING": 100],
    "filter": ["INPUT": 0, "FORWARD": 0], "security": ["INPUT": 50, "FORWARD": 50],
  ]

  /// - Parameters:
  ///   - variant: `iptables-nft`, `iptables-legacy` or their IPv6 twins.
  static func read(_ output: String, variant: String, isIPv4: Bool, into firewall: inout Firewall) {
    var table = ""
    var chains: [String: FirewallChain] = [:]
    for line in output.split(separator: "\n") {
      switch line.first {
      case "*":
        table = String(line.dropFirst())
        chains = [:]
      case ":":
        let words = line.dropFirst().split(separator: " ")
        guard let name = words.first.map(String.init) else { continue }
        chains[name] = chain(
          name, table, variant, isIPv4, drops: words.dropFirst().first == "DROP")
      case "-" where line.hasPrefix("-A "):
        append(String(line), to: &chains)
      case "C" where line == "COMMIT":
        for chain in chains.values { firewall.add(chain) }
      default: continue
      }
    }
  }

  private static func chain(
    _ name: String, _ table: String, _ variant: String, _ isIPv4: Bool, drops: Bool
  ) -> FirewallChain {
    var chain = FirewallChain(
      table: "\(variant) table \(table)", name: name, family: isIPv4 ? "ip" : "ip6")
    if let priority = priorities[table]?[name],
      let point = FirewallChain.Hook.Point(rawValue: name.lowercased())
    {
      chain.hook = FirewallChain.Hook(
        point: point, type: table == "nat" ? "nat" : "filter", priority: priority,
        dropsByDefault: drops)
    }
    return chain
  }

  private static func append(_ line: String, to chains: inout [String: FirewallChain]) {
    let words = IptablesRuleset.words(line)
    guard words.count >= 2, let chain = chains[words[1]] else { return }
    let targets = Set(chains.keys)
    chains[words[1]]?.rules.append(
      rule(Array(words.dropFirst(2)), line, chain, targets: targets))
  }

  /// Splits at spaces; quotes hold a word together.
  static func words(_ line: String) -> [String] {
    var words: [String] = []
    var word = ""
    var (isQuoted, isEscaped, hasWord) = (false, false, false)
    for character in line {
      if isEscaped {
        word.append(character)
        isEscaped = false
      } else if character == "\\" && isQuoted {
        isEscaped = true
      } else if character == "\"" {
        isQuoted.toggle()
        hasWord = true
      } else if character == " " && !isQuoted {
        if hasWord || !word.isEmpty { words.append(word) }
        (word, hasWord) = ("", false)
      } else {
        word.append(character)
      }
    }
    if hasWord || !word.isEmpty { words.append(word) }
    return words
  }

  private static func rule(
    _ words: [String], _ line: String, _ chain: FirewallChain, targets: Set<String>
  ) -> FirewallRule {
    var rest = words[...]
    var conditions: [FirewallCondition] = []
    var verdict = FirewallVerdict.goOn
    var isNegated = false
    while let word = rest.popFirst() {
      switch word {
      case "!":
        isNegated = true
        continue
      case "-j", "-g":
        let target = rest.popFirst() ?? ""
        verdict = IptablesRuleset.verdict(
          target, rest, isGoto: word == "-g", isChain: targets.contains(target))
        rest = []
      case "-m":
        let name = rest.popFirst() ?? ""
        let known = ["comment", "tcp", "conntrack", "state", "multiport"]
        if !known.contains(name) {
          conditions.append(FirewallCondition(subject: .notUnderstood))
        }
      case "--comment": _ = rest.popFirst()
      default:
        let subject = IptablesRuleset.subject(word, &rest)
        conditions.append(FirewallCondition(subject: subject, isNegated: isNegated))
      }
      isNegated = false
    }
    return FirewallRule(
      place: "\(chain.place), rule \(chain.rules.count + 1)", text: line, conditions: conditions,
      verdict: verdict)
  }

  private static func subject(_ option: String, _ rest: inout ArraySlice<String>)
    -> FirewallCondition.Subject
  {
    let known = [
      "-s", "-d", "-i", "-o", "-p", "--dport", "--dports", "--ctstate", "--state", "--ctorigdst",
      "--ctorigdstport",
    ]
    guard known.contains(option), let value = rest.popFirst() else { return .notUnderstood }
    let names = value.split(separator: ",").map(String.init)
    switch option {
    case "-s": return blocks(names).map { .source($0) } ?? .notUnderstood
    case "-d": return blocks(names).map { .destination($0) } ?? .notUnderstood
    case "--ctorigdst": return blocks(names).map { .originalDestination($0) } ?? .notUnderstood
    case "-i": return .inDevice([device(value)])
    case "-o": return .outDevice([device(value)])
    case "-p": return .transport(names)
    case "--ctstate" where names.contains("DNAT"): return .translated
    case "--ctstate", "--state": return .state(names.map { $0.lowercased() })
    case "--ctorigdstport": return ports(names).map { .originalPort($0) } ?? .notUnderstood
    default: return ports(names).map { .destinationPort($0) } ?? .notUnderstood
    }
  }

  private static func device(_ name: String) -> String {
    name.hasSuffix("+") ? name.dropLast() + "*" : name
  }

  private static func blocks(_ texts: [String]) -> [CIDR]? {
    let blocks = texts.compactMap(FirewallText.block)
    return blocks.count == texts.count ? blocks : nil
  }

  private static func ports(_ texts: [String]) -> [ClosedRange<Int>]? {
    let ranges = texts.compactMap { FirewallText.ports($0, separator: ":") }
    return ranges.count == texts.count ? ranges : nil
  }

  private static func verdict(
    _ target: String, _ rest: ArraySlice<String>, isGoto: Bool, isChain: Bool
  ) -> FirewallVerdict {
    switch target {
    case "ACCEPT": return .accept
    case "DROP", "REJECT": return .refuse
    case "RETURN": return .back
    case "SNAT", "MASQUERADE": return .translateSource
    case "REDIRECT": return .translateDestination(nil, nil)
    case "DNAT":
      let index = rest.firstIndex(of: "--to-destination").map { $0 + 1 }
      let (address, port) = FirewallText.endpoint(
        index.flatMap { rest.indices.contains($0) ? rest[$0] : nil } ?? "")
      return .translateDestination(address, port)
    case "NETMAP", "TPROXY": return .notUnderstood
    default: return !isChain ? .goOn : isGoto ? .goTo(target) : .jump(target)
    }
  }
}

/// Texts that several tools write alike.
enum FirewallText {
  /// `10.0.0.0/8` or one address.
  static func block(_ text: String) -> CIDR? {
    if let block = CIDR(text) { return block }
    return IPAddress(text).flatMap { CIDR($0, prefixLength: $0.bitWidth) }
  }

  /// `80`, or `1000:2000` with another separator.
  static func ports(_ text: String, separator: Character) -> ClosedRange<Int>? {
    let ends = text.split(separator: separator).map { Int($0) }
    guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2,
      first <= last
    else { return nil }
    return first...last
  }

  /// `10.0.0.4:8775`, `[2001:db8::4]:8775` or an address alone.
  static func endpoint(_ text: String) -> (IPAddress?, Int?) {
    if let address = IPAddress(text) { return (address, nil) }
    guard let colon = text.lastIndex(of: ":") else { return (nil, nil) }
    let host = text[..<colon].filter { $0 != "[" && $0 != "]" }
    return (IPAddress(host), Int(text[text.index(after: colon)...]))
  }
}
