import Inventory

/// What the packet filters of this host do.
extension DoctorJudge {
  private var install: String {
    let netns = facts.hostNamespace.map { " --netns \($0)" } ?? ""
    return "nameplate redirect install\(netns)"
  }

  func redirect() -> DoctorFinding {
    let check = DoctorCheck.redirect
    if let skipped = because(check, of: [.metadataHost]) { return skipped }
    if facts.shape == .namespaces {
      return check.finding(.skipped, "the service listens in the guests' networks themselves")
    }
    var known: RedirectFacts?
    var failure = ""
    switch facts.redirect {
    case .success(let facts): known = facts
    case .failure(let error): failure = error.message
    }
    let drift =
      known.map { $0.drift.isEmpty ? "it is not there" : Self.joined($0.drift) } ?? failure
    if facts.shape != .router {
      guard let known else { return check.finding(.skipped, "because \(failure)") }
      return known.isInPlace
        ? check.finding(.ok, "in place (\(known.backend))")
        : check.finding(.failed, drift, remedy: install)
    }
    return routerRedirect(known, drift: drift)
  }

  private func routerRedirect(_ known: RedirectFacts?, drift: String) -> DoctorFinding {
    let check = DoctorCheck.redirect
    let rules = facts.rules ?? FirewallRuleset()
    let captures = facts.askedSources.map { facts.capture($0, rules) }
    let translates = captures.contains { $0.own != nil }
    let own = facts.redirects(rules)
    let place = (captures.lazy.compactMap(\.own).first ?? own.first)?.place
    let uncovered = facts.askedSources.first { source in
      !own.isEmpty
        && own.allSatisfy { hit in
          hit.rule.map { facts.request(source).match($0) == .no } ?? false
        }
    }
    if let uncovered, !translates {
      let packet = facts.request(uncovered)
      let device = packet.inInterface.map { " that come in by \($0)" } ?? ""
      return check.finding(
        .failed,
        "no rule of it is for packets of \(uncovered.map { "\($0)" } ?? who)\(device); "
          + "there is \(place ?? "none")", remedy: install)
    }
    if known?.isInPlace == true {
      return check.finding(
        .ok, "in place" + (known.map { " (\($0.backend))" } ?? "") + (place.map { ": \($0)" } ?? "")
      )
    }
    if let place {
      if known == nil { return check.finding(.ok, place) }
      return check.finding(
        .warning, "it differs from what should be there: \(drift)", remedy: install)
    }
    let evidence = known == nil && drift.isEmpty ? "no rule leads to \(target)" : drift
    return check.finding(.failed, evidence, remedy: install)
  }

  private static func joined(_ sentences: [String]) -> String {
    sentences.prefix(4).joined(separator: "; ")
  }

  /// The rules, or a finding that says why they cannot be judged.
  private func rules(_ check: DoctorCheck) -> Result<FirewallRuleset, SkippedCheck> {
    guard let rules = facts.rules else {
      return .failure(SkippedCheck(check.finding(.skipped, "the rules were not read")))
    }
    guard rules.problems.isEmpty else {
      let why = "because the rules cannot be read: " + Self.joined(rules.problems)
      return .failure(SkippedCheck(check.finding(.skipped, why)))
    }
    return .success(rules)
  }

  private struct SkippedCheck: Error {
    let finding: DoctorFinding
    init(_ finding: DoctorFinding) { self.finding = finding }
  }

  func shadowed() -> DoctorFinding {
    let check = DoctorCheck.shadowed
    if let skipped = because(check, of: [.metadataHost, .redirect]) { return skipped }
    let rules: FirewallRuleset
    switch self.rules(check) {
    case .success(let found): rules = found
    case .failure(let skipped): return skipped.finding
    }
    let captures = facts.askedSources.map { facts.capture($0, rules) }
    if let thief = captures.lazy.compactMap(\.thief).first {
      return check.finding(
        .failed, "packets for \(facts.metadataAddress) are taken by \(thief.place)",
        remedy: thief.removal.map(here))
    }
    return suspected(check, captures.flatMap(\.suspects), remedy: nil)
      ?? check.finding(.ok, "nothing takes packets for \(facts.metadataAddress) before")
  }

  /// A rule that is not understood is named where the probe came to nothing and nothing else is
  /// known to be broken.
  private func suspected(
    _ check: DoctorCheck, _ hits: [FirewallHit], remedy: String?
  ) -> DoctorFinding? {
    guard let hit = hits.first, !isAnswered else { return nil }
    let evidence = "a rule that is not fully understood may take the packets: \(hit.place)"
    let isBlamed = isUnanswered && broken.isEmpty
    return check.finding(isBlamed ? .failed : .warning, evidence, remedy: remedy)
  }

  func filtered() -> DoctorFinding {
    let check = DoctorCheck.filtered
    if let skipped = because(check, of: [.metadataHost, .redirect]) { return skipped }
    let rules: FirewallRuleset
    switch self.rules(check) {
    case .success(let found): rules = found
    case .failure(let skipped): return skipped.finding
    }
    var suspects: [FirewallHit] = []
    for source in facts.askedSources {
      for (hooks, packet) in ways(source) {
        for hook in hooks {
          let judgement = rules.filters(hook, packet)
          suspects += judgement.suspects
          guard let hit = judgement.decisive else { continue }
          let what = packet.isReply ? "answers" : "requests"
          return check.finding(
            .failed, "\(what) are dropped by \(hit.place)",
            remedy: here(
              hit.exception(
                packet.isReply ? facts.translatedRequest(source).destination : packet.destination,
                port: facts.translatedRequest(source).destinationPort ?? facts.metadataPort,
                isReply: packet.isReply)))
        }
      }
    }
    return suspected(check, suspects, remedy: nil)
      ?? check.finding(.ok, "no filter drops requests or answers")
  }

  private func ways(_ source: CIDR?) -> [([String], FirewallPacket)] {
    let (request, reply) = (facts.translatedRequest(source), facts.reply(source))
    return facts.goesOn
      ? [(["forward", "postrouting"], request), (["forward", "postrouting"], reply)]
      : [(["input"], request), (["output", "postrouting"], reply)]
  }

  func sourceNAT() -> DoctorFinding {
    let check = DoctorCheck.sourceNAT
    if let skipped = because(check, of: [.metadataHost, .redirect, .shadowed]) { return skipped }
    let rules: FirewallRuleset
    switch self.rules(check) {
    case .success(let found): rules = found
    case .failure(let skipped): return skipped.finding
    }
    let hook = facts.goesOn ? "postrouting" : "input"
    var suspects: [FirewallHit] = []
    for source in facts.askedSources {
      let packet = facts.translatedRequest(source)
      let judgement = rules.translation(hook, packet)
      suspects += judgement.suspects
      guard let hit = judgement.decisive, hit.verdict.changesSource else { continue }
      return sourceNAT(hit, packet)
    }
    if let hit = suspects.first, let seen = arrivedAs, facts.guest != seen {
      return check.finding(
        .failed,
        "the probe arrived as \(seen), and a rule that is not fully understood may be "
          + "why: \(hit.place)", remedy: exemption(hit, facts.translatedRequest(nil)))
    }
    if let hit = suspects.first, arrivedAs == nil {
      return check.finding(
        .warning,
        "a rule that is not fully understood may translate guests' addresses: \(hit.place)",
        remedy: exemption(hit, facts.translatedRequest(nil)))
    }
    return check.finding(.ok, "no rule translates the source of packets to \(target)")
  }

  private func sourceNAT(_ hit: FirewallHit, _ packet: FirewallPacket) -> DoctorFinding {
    let check = DoctorCheck.sourceNAT
    var evidence = "the source of packets to \(target) is translated by \(hit.place)"
    if let seen = arrivedAs {
      if seen == facts.guest {
        return check.finding(.warning, evidence + "; yet \(seen) arrived as it is")
      }
      evidence += "; \(who) arrived as \(seen)"
    }
    return check.finding(.failed, evidence, remedy: exemption(hit, packet))
  }

  /// The redirect has an exemption of its own; where it stands as it should, the other packet
  /// filter needs one.
  private func exemption(_ hit: FirewallHit, _ packet: FirewallPacket) -> String {
    if case .success(let known?) = facts.redirect, !known.isInPlace { return install }
    return here(
      hit.exception(
        packet.destination, port: packet.destinationPort ?? facts.metadataPort, isReply: false))
  }

  /// As whom the service saw the guest.
  var arrivedAs: IPAddress? {
    guard isAnswered, case .answered(let source, _)? = facts.probe?.outcome else { return nil }
    return source
  }

  func counted() -> DoctorFinding {
    let check = DoctorCheck.counted
    guard facts.shape == .router, case .success(let known?) = facts.redirect,
      let before = known.packets
    else { return check.finding(.skipped, "nothing here counts packets") }
    guard facts.probe != nil else {
      return check.finding(.skipped, "\(before) so far; run with --from NETNS to see one more")
    }
    guard let after = facts.packetsAfterProbe else {
      return check.finding(.skipped, "the count could not be read again")
    }
    if after > before { return check.finding(.ok, "\(before) before the probe, \(after) after") }
    if isAnswered {
      return check.finding(.warning, "the probe was answered, and was not counted (\(after))")
    }
    if let link = broken.first { return because(check, of: [link]) ?? withoutGuest(check) }
    return check.finding(
      .failed, "the guest's probe did not come to the redirect's rule (\(after) before and after)",
      remedy: here("tcpdump -ni any host \(facts.metadataAddress)")
        + ", while the guest asks, shows where its packets go")
  }
}
