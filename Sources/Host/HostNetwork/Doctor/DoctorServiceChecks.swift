import Inventory

/// The service's end of the road.
extension DoctorJudge {
  func metadataHost() -> DoctorFinding {
    let check = DoctorCheck.metadataHost
    guard facts.shape == .router else {
      return check.finding(.skipped, "nothing is translated here; guests' packets stay as they are")
    }
    let remedy =
      "set metadata_host in the configuration to an address of this host "
      + "and restart the daemon, or name it with --metadata-host"
    guard let host = facts.metadataHost else {
      return check.finding(.failed, "metadata_host is not set", remedy: remedy)
    }
    if host.isLoopback {
      return check.finding(
        .failed, "\(host) is a loopback address: packets of guests cannot be sent to it",
        remedy: remedy)
    }
    if !host.isUnicast || host == facts.metadataAddress {
      return check.finding(.failed, "\(host) is no address of a service", remedy: remedy)
    }
    if facts.isHere { return check.finding(.ok, "\(host) is an address of this host") }
    switch facts.toMetadataHost {
    case .via(let device, let gateway, _)?:
      let way = gateway.map { " via \($0)" } ?? ""
      return check.finding(.ok, "\(host) is another host's, reached\(way) by \(device)")
    case .none(let why)?:
      return check.finding(
        .failed, "\(host) is no address of this host, and it has no route there: \(why)",
        remedy: here("ip route add \(host) via GATEWAY") + ", or correct metadata_host")
    default: return check.finding(.warning, "the route to \(host) could not be read")
    }
  }

  func daemon() -> DoctorFinding {
    let check = DoctorCheck.daemon
    switch facts.daemon {
    case nil: return check.finding(.skipped, "no daemon answers on the control socket")
    case .failure(let failure)?:
      return check.finding(
        .warning, "the daemon does not answer: \(failure.message)", remedy: "nameplate serve")
    case .success(let status)?:
      let places = status.listeners.joined(separator: ", ")
      return check.finding(.ok, "version \(status.version), listens at \(places)")
    }
  }

  func listener() -> DoctorFinding {
    let check = DoctorCheck.listener
    if let skipped = because(check, of: [.metadataHost]) { return skipped }
    guard facts.shape == .router else { return ownListener() }
    guard let direct = facts.direct else { return check.finding(.skipped, "it was not asked") }
    let start = "nameplate serve, with metadata_host and metadata_port as they are here"
    let find =
      facts.isHere ? here("ss -ltnp 'sport = :\(facts.metadataPort)'") + " shows what it is" : nil
    switch direct.outcome {
    case .answered(let source, _):
      switch direct.sighting {
      case .unseen? where facts.isHere:
        return check.finding(
          .failed, "another Nameplate than the daemon here answers at \(target)", remedy: find)
      case .seen(let seen, _)? where seen != source:
        return check.finding(
          .failed,
          "what answers at \(target) is not the daemon here: it says \(source), "
            + "the daemon saw \(seen)", remedy: find)
      default:
        return check.finding(.ok, "Nameplate answers at \(target), and saw \(source)")
      }
    case .stranger(let what):
      return check.finding(.failed, "\(what) answers at \(target)", remedy: find ?? start)
    case .refused:
      return check.finding(
        .failed, "connection refused: nothing listens at \(target)", remedy: start)
    case .timedOut:
      return check.finding(
        .failed, "\(target) cannot be reached from this host: no answer in time",
        remedy: "look whether that host is up and lets TCP port \(facts.metadataPort) in")
    case .unreachable(let why):
      return check.finding(
        .failed, "\(target) cannot be reached from this host: \(why)",
        remedy: here("ip route get \(facts.metadataHost.map { "\($0)" } ?? "ADDRESS")"))
    }
  }

  private func ownListener() -> DoctorFinding {
    let check = DoctorCheck.listener
    guard case .success(let status)? = facts.daemon else {
      return check.finding(.skipped, "no daemon answers on the control socket")
    }
    if status.listeners.isEmpty {
      return check.finding(
        .failed, "the daemon listens nowhere",
        remedy: "give it a place to listen at, and restart it")
    }
    return check.finding(.ok, status.listeners.joined(separator: ", "))
  }

  func declared() -> DoctorFinding {
    let check = DoctorCheck.declared
    guard let owner = facts.owner, let guest = facts.guest else {
      if facts.guest == nil {
        return check.finding(.skipped, "run with --from NETNS or --as-guest IP")
      }
      return check.finding(.skipped, "no daemon answers on the control socket")
    }
    switch owner {
    case .failure(let failure): return check.finding(.skipped, "because \(failure.message)")
    case .success(.instance(let id, let name)):
      return check.finding(.ok, "\(guest) is \(name) (\(id))")
    case .success(.unknown):
      return check.finding(
        .failed, "\(guest) is the address of no declared instance",
        remedy: "nameplate apply -f MANIFEST, with an instance that has the address \(guest)")
    case .success(.ambiguous(let networks)):
      return check.finding(
        .failed,
        "\(guest) is an instance's on more than one network: "
          + networks.joined(separator: ", "),
        remedy: "give each network a listener of its own")
    case .success(.role(let role)):
      return check.finding(
        .failed, "\(guest) is \(role), no instance's",
        remedy: "give the guest an address of its own, and declare it with nameplate apply")
    }
  }

  /// Of the guest that is asked about, or of all.
  func mac() -> DoctorFinding {
    let check = DoctorCheck.mac
    switch facts.strangers {
    case nil: return check.finding(.skipped, "no daemon answers on the control socket")
    case .failure(let failure)?: return check.finding(.skipped, "because \(failure.message)")
    case .success(let strangers)?:
      let conflicts = strangers.compactMap { stranger in
        stranger.conflict.map { (stranger: stranger, words: $0) }
      }.filter { facts.guest == nil || $0.stranger.source == facts.guest }
      if conflicts.isEmpty { return check.finding(.ok, "no other has been seen") }
      let words = conflicts.prefix(5).map {
        "\($0.stranger.count) from \($0.stranger.source), last \($0.stranger.last): \($0.words)"
      }
      return check.finding(
        facts.guest != nil && broken.isEmpty ? .failed : .warning,
        "requests came with another MAC: " + words.joined(separator: "; "),
        remedy:
          "`bridge fdb show` says by which port that MAC comes in: correct the record's mac, or"
          + " keep the sender from it with nameplate redirect guard install --device PORT")
    }
  }

  func strangers() -> DoctorFinding {
    let check = DoctorCheck.strangers
    switch facts.strangers {
    case nil: return check.finding(.skipped, "no daemon answers on the control socket")
    case .failure(let failure)?: return check.finding(.skipped, "because \(failure.message)")
    case .success(let strangers)?:
      let hidden = strangers.filter { $0.role != nil }.prefix(5)
      if hidden.isEmpty {
        let rest = strangers.isEmpty ? "none" : "none but from addresses that nobody declared"
        return check.finding(.ok, rest)
      }
      let words = hidden.map {
        "\($0.count) from \($0.source) (\($0.role ?? "")), last \($0.last)"
      }
      let isGuest = hidden.contains { $0.source == facts.guest }
      return check.finding(
        isGuest && broken.isEmpty ? .failed : .warning,
        "requests whose fixed IP was NATed away: " + words.joined(separator: "; "),
        remedy: "nameplate doctor --from NETNS, in a guest behind that address")
    }
  }
}
