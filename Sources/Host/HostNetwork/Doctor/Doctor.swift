public import HostProcess
import Inventory

/// Finds which link of the guests' road to the service is broken.
///
/// The road: guest → 169.254.169.254:80 → DNAT on the network host → metadata_host:metadata_port →
/// daemon. Everything is gathered first, by the host's own tools and two probes that change
/// nothing; then it is judged from what was gathered alone.
public struct Doctor: Sendable {
  private let question: DoctorQuestion
  private let host: HostTools
  private let guest: HostTools?
  private let daemon: DoctorDaemon?

  /// - Parameter host: The tools in the namespace where guests' packets are routed.
  /// - Parameter guest: The tools in a guest's namespace; nil where there is none to be in.
  /// - Parameter daemon: Nil where no daemon answers on the control socket.
  public init(
    question: DoctorQuestion, host: HostTools, guest: HostTools? = nil,
    daemon: DoctorDaemon? = nil
  ) {
    self.question = question
    self.host = host
    self.guest = guest
    self.daemon = daemon
  }

  /// Looks at every link.
  /// - Returns: One finding for each of ``DoctorCheck``, in its order. What is behind a broken link
  ///   is skipped and says because of which.
  public func examine() async -> [DoctorFinding] {
    var judge = DoctorJudge(facts: await gather())
    return judge.findings()
  }

  func gather() async -> DoctorFacts {
    var facts = DoctorFacts()
    facts.metadataHost = question.metadataHost
    facts.metadataPort = question.metadataPort
    facts.shape = question.shape
    facts.guests = question.guests
    facts.guest = question.asGuest
    facts.hostPrefix = host.prefix
    facts.hostNamespace = host.namespace
    facts.guestPrefix = guest?.prefix
    facts.interfaces = await interfaces(host)
    if let address = question.metadataHost {
      facts.toMetadataHost = await route(host, to: address)
    }
    if let guest { await lookFromGuest(guest, &facts) }
    for block in facts.sources {
      facts.toGuests.append((block, await route(host, to: DoctorFacts.member(of: block))))
    }
    facts.settings = await settings(facts)
    facts.rules = await FirewallRuleset.gather(host, isIPv4: facts.metadataAddress.isIPv4)
    await askDaemon(&facts)
    await probe(&facts)
    return facts
  }

  private func interfaces(_ tools: HostTools) async -> [DoctorInterface] {
    let text = try? await tools.run("ip", ["-j", "-d", "address", "show"])
    return IPRouteReader.interfaces(text ?? "")
  }

  private func route(_ tools: HostTools, to address: IPAddress) async -> DoctorRoute {
    do {
      return IPRouteReader.route(try await tools.run("ip", ["-j", "route", "get", "\(address)"]))
    } catch {
      guard case .failed(_, let message) = error.reason else { return .none("\(error)") }
      return .none(message)
    }
  }

  private func lookFromGuest(_ guest: HostTools, _ facts: inout DoctorFacts) async {
    facts.guestInterfaces = await interfaces(guest)
    let route = await route(guest, to: facts.metadataAddress)
    facts.guestRoute = route
    if case .via(_, _, let source?) = route {
      facts.guest = source
    } else {
      facts.guest = facts.guestAddresses.first ?? facts.guest
    }
  }

  /// A shell's loop reads any number of files in one process; a file that is not there is left out.
  private func settings(_ facts: DoctorFacts) async -> [String: String] {
    let script = #"for f; do [ -r "$f" ] && echo "$f=$(cat "$f")"; done; true"#
    let paths = facts.settingPaths.map { "/proc/sys/" + $0 }
    let text = (try? await host.run("sh", ["-c", script, "sh"] + paths)) ?? ""
    var settings: [String: String] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { continue }
      settings[String(parts[0].dropFirst("/proc/sys/".count))] = String(parts[1])
    }
    return settings
  }

  private func askDaemon(_ facts: inout DoctorFacts) async {
    guard let daemon else { return }
    facts.daemon = await attempt { try await daemon.status() }
    guard case .success = facts.daemon else { return }
    if facts.guest == nil { facts.strangers = await attempt { try await daemon.strangers() } }
  }

  private func probe(_ facts: inout DoctorFacts) async {
    let seconds = question.probeSeconds
    facts.redirect = await attempt { try await question.redirect() }
    if let address = question.metadataHost, question.shape == .router {
      let probe = Probe()
      let outcome = await probe.run(
        host, to: address, port: question.metadataPort, seconds: seconds)
      facts.direct = await sighted(probe, outcome)
    }
    var network: String?
    if let guest, let route = facts.guestRoute {
      let probe = Probe()
      let port = MetadataAddress.port
      let outcome = await probe.run(
        guest, to: facts.metadataAddress, port: port, seconds: seconds)
      let seen = await sighted(probe, outcome)
      facts.probe = seen
      if case .seen(_, let name) = seen.sighting { network = name }
      facts.packetsAfterProbe = try? await question.redirect()?.packets
      facts.guestNextHop = await nextHop(guest, route, facts.metadataAddress)
      if case .answered = outcome {
        facts.paddedProbe = await Probe(padding: Probe.largePadding)
          .run(guest, to: facts.metadataAddress, port: port, seconds: seconds)
      }
    }
    guard let daemon, case .success = facts.daemon, let address = facts.guest else { return }
    facts.owner = await attempt { [network] in try await daemon.whois(address, network) }
    facts.strangers = await attempt { try await daemon.strangers() }
  }

  private func sighted(_ probe: Probe, _ outcome: ProbeOutcome) async -> ProbeFacts {
    var facts = ProbeFacts(outcome: outcome)
    guard let daemon, case .answered = outcome else { return facts }
    // A daemon that cannot say is no evidence of anything.
    guard case .success(let seen) = await attempt({ try await daemon.sighting(probe.nonce) })
    else { return facts }
    facts.sighting = seen.map { .seen($0.source, network: $0.network) } ?? .unseen
    return facts
  }

  private func nextHop(_ guest: HostTools, _ route: DoctorRoute, _ address: IPAddress) async
    -> DoctorNeighbour?
  {
    guard case .via(let device, let gateway, _) = route else { return nil }
    let words = ["-j", "neigh", "show", "to", "\(gateway ?? address)", "dev", device]
    return IPRouteReader.neighbour((try? await guest.run("ip", words)) ?? "")
  }

  private func attempt<Value: Sendable>(_ body: () async throws -> Value) async
    -> Result<Value, DoctorFailure>
  {
    do { return .success(try await body()) } catch { return .failure(DoctorFailure(error)) }
  }
}

extension HostTools {
  /// What stands before a command that is to be run by hand in the same place.
  var prefix: String { namespace.map { "ip netns exec \($0) " } ?? "" }
}
