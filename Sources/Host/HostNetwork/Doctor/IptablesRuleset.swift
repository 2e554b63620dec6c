import Inventory

extension FirewallRuleset {
  /// Reads what `iptables-save` or `ip6tables-save` printed. Lines that it does not understand are
  /// left out; matches and targets that it does not understand stay as such.
  init(iptablesSave text: String, backend: FirewallBackend, isIPv4: Bool) {
    let family = isIPv4 ? "ip" : "ip6"
    var table = ""
    var index: [String: Int] = [:]
    var counts: [Int: Int] = [:]
    for line in text.split(separator: "\n") {
      switch line.first {
      case "*":
        table = String(line.dropFirst())
        index = [:]
      case ":":
        let words = line.dropFirst().split(separator: " ")
        guard words.count >= 2, index[String(words[0])] == nil else { continue }
        let name = String(words[0])
        index[name] = chains.count
        let base = IptablesReader.base(
          table: table, chain: name, dropsByPolicy: words[1] == "DROP")
        chains.append(
          FirewallChain(
            backend: backend, family: family, table: table, name: name,
            base: words[1] == "-" ? nil : base))
      case "-", "[":
        var words = IptablesReader.words(String(line))
        if words.first?.first == "[" { words.removeFirst() }
        guard words.count >= 2, words[0] == "-A", let at = index[words[1]] else { continue }
        let reader = IptablesReader(words: Array(words.dropFirst(2)), chains: Set(index.keys))
        counts[at, default: 0] += 1
        if reader.letsPass { continue }
        chains[at].rules.append(
          FirewallRule(
            position: counts[at, default: 0], handle: nil,
            text: IptablesReader.withoutCounter(String(line)), conditions: reader.conditions,
            verdict: reader.verdict))
      default: continue
      }
    }
  }
}

/// One rule's words.
struct IptablesReader {
  private(set) var conditions: [FirewallCondition] = []
  private(set) var verdict = FirewallVerdict.unknown("")
  private var hasTarget = false

  /// Where the built-in chains of a table hang (iptables' own priorities, the kernel's nf_ip_hook_
  /// priorities).
  static func base(table: String, chain: String, dropsByPolicy: Bool) -> FirewallChain.Base? {
    let hooks = [
      "PREROUTING": "prerouting", "INPUT": "input", "FORWARD": "forward", "OUTPUT": "output",
      "POSTROUTING": "postrouting",
    ]
    guard let hook = hooks[chain] else { return nil }
    let priority: Int
    switch table {
    case "raw": priority = -300
    case "mangle": priority = -150
    case "nat": priority = hook == "prerouting" || hook == "output" ? -100 : 100
    case "security": priority = 50
    default: priority = 0
    }
    return FirewallChain.Base(
      hook: hook, isNAT: table == "nat", priority: priority, dropsByPolicy: dropsByPolicy)
  }

  /// Splits as a shell would, with iptables-save's double quotes and backslashes.
  static func words(_ line: String) -> [String] {
    var words: [String] = []
    var word = ""
    var isOpen = false
    var isQuoted = false
    var isEscaped = false
    for character in line {
      if isEscaped {
        word.append(character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
        isOpen = true
      } else if character == "\"" {
        isQuoted.toggle()
        isOpen = true
      } else if character == " ", !isQuoted {
        if isOpen { words.append(word) }
        word = ""
        isOpen = false
      } else {
        word.append(character)
        isOpen = true
      }
    }
    if isOpen { words.append(word) }
    return words
  }

  static func withoutCounter(_ line: String) -> String {
    guard line.first == "[", let end = line.firstIndex(of: "]") else { return line }
    return String(line[line.index(after: end)...].drop { $0 == " " })
  }

  init(words: [String], chains: Set<String>) {
    var position = 0
    var isNegated = false
    while position < words.count {
      let option = words[position]
      position += 1
      if option == "!" {
        isNegated = true
        continue
      }
      var values: [String] = []
      while position < words.count, words[position] != "!",
        !words[position].hasPrefix("-") || words[position].count == 1
      {
        values.append(words[position])
        position += 1
      }
      read(option, values, isNegated: isNegated, chains: chains)
      isNegated = false
    }
  }

  /// Whether the rule has no target, or one that lets the packet go on.
  var letsPass: Bool { !hasTarget || isPassing }
  private var isPassing = false

  private mutating func read(
    _ option: String, _ values: [String], isNegated: Bool, chains: Set<String>
  ) {
    let value = values.first ?? ""
    switch option {
    case "-j", "-g": readTarget(value, isGoto: option == "-g", chains)
    case "--to-destination":
      let parts = Self.endpoint(value)
      verdict = .dnat(parts.address, port: parts.port)
    case "--notrack":
      verdict = .notrack
      isPassing = false
    case _ where Self.ignored.contains(option): break
    default:
      guard let (field, read) = Self.fields[option], values.count == 1 else {
        if !hasTarget { conditions.append(.notUnderstood) }
        return
      }
      let found = value.split(separator: ",").map { read(String($0)) }
      let understood = found.compactMap { $0 }
      guard understood.count == found.count, !found.isEmpty else {
        conditions.append(.notUnderstood)
        return
      }
      conditions.append(contentsOf: Self.split(field, understood, isNegated))
    }
  }

  /// conntrack's states DNAT and SNAT are statuses in truth; a list of both kinds means either.
  private static func split(
    _ field: FirewallField, _ values: [FirewallValue], _ isNegated: Bool
  ) -> [FirewallCondition] {
    guard field == .state else { return [.field(field, values, isNegated: isNegated)] }
    let statuses = values.filter { $0 == .word("dnat") || $0 == .word("snat") }
    if statuses.isEmpty { return [.field(.state, values, isNegated: isNegated)] }
    if statuses.count == values.count { return [.field(.status, values, isNegated: isNegated)] }
    return [.notUnderstood]
  }

  private mutating func readTarget(_ name: String, isGoto: Bool, _ chains: Set<String>) {
    hasTarget = true
    switch name {
    case "ACCEPT": verdict = .accept
    case "DROP": verdict = .drop
    case "REJECT": verdict = .reject
    case "RETURN": verdict = .returns
    case "DNAT": verdict = .dnat(nil, port: nil)
    case "REDIRECT": verdict = .redirect
    case "SNAT": verdict = .snat(keepsSource: false)
    case "NETMAP", "TPROXY", "QUEUE", "NFQUEUE": verdict = .unknown(name)
    case "MASQUERADE": verdict = .masquerade
    case "NOTRACK": verdict = .notrack
    case _ where Self.passingTargets.contains(name): isPassing = true
    case _ where chains.contains(name): verdict = isGoto ? .goto(name) : .jump(name)
    default: verdict = .unknown(name)
    }
  }

  private static let passingTargets: Set<String> = [
    "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TCPMSS", "CHECKSUM", "CLASSIFY", "DSCP", "TOS",
    "TTL", "HL", "SET", "AUDIT", "TRACE", "SECMARK", "CONNSECMARK", "TEE", "CT", "ECN",
    "TCPOPTSTRIP",
    "RATEEST", "IDLETIMER", "LED", "HMARK",
  ]
}

extension IptablesReader {
  /// Names of matches, and what says nothing about a packet. A match's own options decide.
  private static let ignored: Set<String> = ["-m", "--comment", "--ctproto"]

  private static let fields: [String: (FirewallField, @Sendable (String) -> FirewallValue?)] = [
    "-s": (.source, addresses), "-d": (.destination, addresses),
    "-i": (.inInterface, interface), "-o": (.outInterface, interface),
    "-p": (.transport, transport),
    "--sport": (.sourcePort, port), "--dport": (.destinationPort, port),
    "--sports": (.sourcePort, port), "--dports": (.destinationPort, port),
    "--ctstate": (.state, word), "--state": (.state, word), "--ctstatus": (.status, word),
    "--ctorigdst": (.originalDestination, addresses),
    "--ctorigdstport": (.originalDestinationPort, port),
    "--ctdir": (.direction, word), "--dst-type": (.destinationType, word),
    "--src-range": (.source, range), "--dst-range": (.destination, range),
  ]

  @Sendable private static func addresses(_ text: String) -> FirewallValue? {
    if let address = IPAddress(text) { return .addresses(address, address) }
    if let block = CIDR(text) { return .addresses(block.network, block.broadcast) }
    // Old forms have the mask as an address.
    let parts = text.split(separator: "/")
    guard parts.count == 2, case .v4(let mask)? = IPAddress(String(parts[1])),
      let block = CIDR("\(parts[0])/\((~mask).leadingZeroBitCount)"), "\(block.netmask)" == parts[1]
    else { return nil }
    return .addresses(block.network, block.broadcast)
  }

  @Sendable private static func range(_ text: String) -> FirewallValue? {
    let ends = text.split(separator: "-").compactMap { IPAddress(String($0)) }
    return ends.count == 2 ? .addresses(ends[0], ends[1]) : nil
  }

  @Sendable private static func interface(_ text: String) -> FirewallValue? {
    text.hasSuffix("+") ? .prefix(String(text.dropLast())) : .word(text)
  }

  @Sendable private static func transport(_ text: String) -> FirewallValue? {
    Int(text).map { .numbers($0...$0) } ?? .word(text)
  }

  @Sendable private static func port(_ text: String) -> FirewallValue? {
    let ends = text.split(separator: ":").compactMap { Int($0) }
    guard let first = ends.first, let last = ends.last, first <= last,
      ends.count == text.split(separator: ":", omittingEmptySubsequences: false).count
    else { return nil }
    return .numbers(first...last)
  }

  @Sendable private static func word(_ text: String) -> FirewallValue? { .word(text.lowercased()) }

  /// `10.0.0.1:80`, `10.0.0.1`, `[fd00::1]:80`; a range of either is no constant.
  static func endpoint(_ text: String) -> (address: IPAddress?, port: Int?) {
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      let address = text[text.index(after: text.startIndex)..<end]
      let rest = text[text.index(after: end)...]
      return (IPAddress(String(address)), Int(rest.drop { $0 == ":" }))
    }
    if let whole = IPAddress(text) { return (whole, nil) }
    let parts = text.split(separator: ":")
    guard parts.count == 2 else { return (nil, nil) }
    return (IPAddress(String(parts[0])), Int(parts[1]))
  }
}
