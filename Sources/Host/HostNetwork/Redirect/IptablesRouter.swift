import HostProcess

/// A router's redirect in iptables and ip6tables of one variant.
struct IptablesRouter {
  let router: RouterRedirect
  let isLegacy: Bool
  let tools: HostTools
  let memory: RedirectMemory

  /// A family that is only refused is left out where the host cannot have it.
  private var texts: [IptablesText] {
    router.families.filter { $0.isIPv4 || $0.host != nil || memory.hasIPv6 }
      .map { IptablesText(router: router, family: $0, isLegacy: isLegacy) }
  }

  func check() async throws(RedirectError) -> RedirectFinding {
    var finding = RedirectFinding(drift: [])
    for text in texts {
      let save = try await self.save(text)
      let expected = await expected(text)
      finding.drift += drift(text, save, expected)
      let rules = save.rules(of: "\(router.chainPrefix)-PREROUTING", in: "nat")
      if !rules.isEmpty {
        finding.packets = (finding.packets ?? 0) + rules.reduce(0) { $0 + $1.packets }
      }
    }
    return finding
  }

  /// - Parameter isOurs: Whether a record says that the chains of these names are ours.
  func steps(isOurs: Bool) async throws(RedirectError) -> [RedirectStep] {
    var steps: [RedirectStep] = []
    for text in texts {
      let save = try await self.save(text)
      if !isOurs, let rule = IptablesRouter.foreignRule(save, router.chainPrefix) {
        throw .foreignChain(name: rule.chain, rule: rule.text)
      }
      steps.append(text.install(over: save))
    }
    return steps
  }

  /// - Parameter isOurs: Without a record, chains with somebody else's rules are left alone.
  static func removal(
    prefix: String, isLegacy: Bool, isOurs: Bool, tools: HostTools
  ) async throws(RedirectError) -> [RedirectStep] {
    var steps: [RedirectStep] = []
    for isIPv4 in [true, false] {
      let text = IptablesRemoval(prefix: prefix, isIPv4: isIPv4, isLegacy: isLegacy)
      // A host without ip6tables has nothing of ours in it.
      guard let output = try await tools.outputIfAny(text.saveTool) else { continue }
      let save = IptablesSave(output)
      if !isOurs, foreignRule(save, prefix) != nil { continue }
      if let step = text.remove(from: save) { steps.append(step) }
    }
    return steps
  }

  private static func foreignRule(_ save: IptablesSave, _ prefix: String) -> IptablesSave.Rule? {
    for name in IptablesText.names(prefix) {
      for table in IptablesText.tables {
        for rule in save.rules(of: name, in: table) where !rule.text.contains(IptablesText.mark) {
          return rule
        }
      }
    }
    return nil
  }

  private func save(_ text: IptablesText) async throws(RedirectError) -> IptablesSave {
    IptablesSave(try await tools.output(text.saveTool, ["-c"]))
  }

  /// How this iptables-save lists our text, see ``NftablesRouter``.
  private func expected(_ text: IptablesText) async -> IptablesSave {
    if let known = memory.iptables(text.saveTool) { return known }
    let step = text.install(over: IptablesSave())
    let restore = ([step.tool] + step.arguments).joined(separator: " ")
    let command = "\(restore) && \(text.saveTool)"
    let output = try? await tools.run("unshare", ["--net", "sh", "-c", command], input: step.input)
    let save = IptablesSave(output ?? step.input)
    memory.remember(save, of: text.saveTool)
    return save
  }

  private func drift(
    _ text: IptablesText, _ save: IptablesSave, _ expected: IptablesSave
  ) -> [String] {
    let family = text.family.isIPv4 ? "" : " of ip6tables"
    return text.chains.flatMap { chain -> [String] in
      let place = "chain \(chain.name)\(family)"
      guard save.tables[chain.table]?.chains.contains(chain.name) == true else {
        return ["the \(place) is missing"]
      }
      let texts = { (save: IptablesSave) in save.rules(of: chain.name, in: chain.table).map(\.text)
      }
      return RedirectDrift.compare(expected: texts(expected), actual: texts(save), place: place)
        + jumpDrift(chain, save, family)
    }
  }

  private func jumpDrift(
    _ chain: IptablesText.Chain, _ save: IptablesSave, _ family: String
  ) -> [String] {
    let jumps = save.jumps(to: [chain.name], in: chain.table)
    let builtin = save.rules(of: chain.builtin, in: chain.table)
    let what = "the jump from \(chain.builtin) to \(chain.name)\(family)"
    guard let position = builtin.firstIndex(where: { $0.text == chain.jump }) else {
      return ["\(what) is missing"]
    }
    var drift: [String] = []
    if position > 0 {
      drift.append(
        "\(what) stands at position \(position + 1), behind '\(builtin[position - 1].text)'")
    }
    if jumps.count > 1 {
      drift.append("there are \(jumps.count) jumps to \(chain.name)\(family) where one should be")
    }
    return drift
  }
}
