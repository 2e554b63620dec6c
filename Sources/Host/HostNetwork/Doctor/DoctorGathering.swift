import Inventory

/// Gathers facts with the host's tools. What cannot be found out is left out.
struct DoctorGathering {
  let question: DoctorQuestion
  let host: HostTools
  let guest: HostTools?
  let redirect: @Sendable () async -> RedirectFacts?

  func facts() async -> DoctorFacts {
    var facts = DoctorFacts()
    facts.addresses = await addresses(host)
    facts.firewall = await firewall()
    if let target = question.metadataHost {
      facts.routeToMetadataHost = await route(host, to: target)
      facts.direct = await DoctorProbe.send(host, to: target, port: question.metadataPort)
    }
    if let guest { facts.guest = await guestFacts(guest) }
    facts.guestAddress = question.guest ?? facts.guest?.source
    if let address = facts.guestAddress { facts.routeToGuest = await route(host, to: address) }
    await readSettings(&facts)
    return facts
  }

  private func guestFacts(_ tools: HostTools) async -> GuestFacts {
    var facts = GuestFacts()
    let target = question.metadataAddress
    facts.addresses = await addresses(tools)
    facts.route = await route(tools, to: target)
    facts.countedBefore = await redirect()?.connections
    facts.probe = await DoctorProbe.send(tools, to: target, port: MetadataAddress.port)
    facts.countedAfter = await redirect()?.connections
    if case .answered = facts.probe?.outcome {
      facts.largeProbe = await DoctorProbe.send(
        tools, to: target, port: MetadataAddress.port, bytes: DoctorProbe.largeBytes)
    }
    if let route = facts.route, !route.isLocal {
      let hop = route.gateway ?? target
      let json = await tools.outputIfAny("ip", ["-j", "neigh", "show", "\(hop)"]) ?? ""
      facts.nextHopState =
        (try? JSONValue(parsing: json))?.array?
        .compactMap { $0["state"]?.array?.first?.string }.first
    }
    return facts
  }

  private func addresses(_ tools: HostTools) async -> [AddressFact] {
    AddressFact.read(await tools.outputIfAny("ip", ["-j", "address"]) ?? "")
  }

  private func route(_ tools: HostTools, to address: IPAddress) async -> RouteFact? {
    let output = await tools.outputIfAny("ip", ["-j", "route", "get", "\(address)"])
    return output.flatMap { RouteFact($0) }
  }

  private func readSettings(_ facts: inout DoctorFacts) async {
    var names = [
      "ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv4/conf/all/rp_filter",
      "bridge/bridge-nf-call-iptables", "netfilter/nf_conntrack_count",
      "netfilter/nf_conntrack_max",
    ]
    if let device = facts.arrivalDevice { names.append("ipv4/conf/\(device)/rp_filter") }
    for name in names {
      let text = await host.outputIfAny("cat", ["/proc/sys/net/\(name)"])
      facts.settings[name] = text.flatMap { Int($0.prefix { $0.isNumber }) }
    }
    for device in [facts.arrivalDevice, facts.routeToMetadataHost?.device].compactMap(\.self)
    where await host.outputIfAny("cat", ["/sys/class/net/\(device)/bridge/bridge_id"]) != nil {
      facts.bridges.insert(device)
    }
  }

  /// Nothing is made by looking: see ``RedirectSurvey``.
  private func firewall() async -> Firewall {
    var firewall = Firewall()
    let json = await host.outputIfAny("nft", ["-j", "list", "ruleset"]) ?? ""
    let text = await host.outputIfAny("nft", ["-a", "list", "ruleset"]) ?? ""
    NftablesRuleset.read(json, text: text, into: &firewall)
    for (isIPv4, word) in [(true, "ip"), (false, "ip6")] {
      if NftablesRuleset.hasIptables(json) {
        let tool = "\(word)tables-nft"
        IptablesRuleset.read(
          await host.outputIfAny("\(tool)-save") ?? "", variant: tool, isIPv4: isIPv4,
          into: &firewall)
      }
      let names = await host.outputIfAny("cat", ["/proc/net/\(word)_tables_names"]) ?? ""
      if !names.isEmpty {
        let tool = "\(word)tables-legacy"
        IptablesRuleset.read(
          await host.outputIfAny("\(tool)-save") ?? "", variant: tool, isIPv4: isIPv4,
          into: &firewall)
      }
    }
    return firewall
  }
}
