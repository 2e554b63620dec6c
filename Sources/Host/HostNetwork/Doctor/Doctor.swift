/// Finds the link that is broken between a guest and the daemon.
///
/// Facts are gathered first, with the host's own tools and a probe along the road; then they are
/// judged, link by link. A link that depends on a broken one is not judged.
public struct Doctor: Sendable {
  private let question: DoctorQuestion
  private let host: HostTools
  private let guest: HostTools?
  private let daemon: DoctorDaemon?
  private let redirect: @Sendable () async -> RedirectFacts?

  /// - Parameters:
  ///   - host: The network host, or the namespace that is the guests' router.
  ///   - guest: A namespace to ask from as a guest does.
  ///   - daemon: Nil where none answers operators here.
  ///   - redirect: The redirect's own check; nil where it cannot be looked at.
  public init(
    question: DoctorQuestion, host: HostTools, guest: HostTools?, daemon: DoctorDaemon?,
    redirect: @escaping @Sendable () async -> RedirectFacts?
  ) {
    self.question = question
    self.host = host
    self.guest = guest
    self.daemon = daemon
    self.redirect = redirect
  }

  /// All links, in the order of a packet's way.
  public func examine() async -> [DoctorFinding] {
    let gathering = DoctorGathering(
      question: question, host: host, guest: guest, redirect: redirect)
    let facts = await gathering.facts()
    var judge = DoctorJudge(
      question: question, facts: facts, redirect: await redirect(),
      daemon: await daemonFacts(facts))
    return judge.judge()
  }

  private func daemonFacts(_ facts: DoctorFacts) async -> DaemonFacts? {
    guard let daemon else { return nil }
    var known = DaemonFacts(
      version: daemon.version, listeners: daemon.listeners.map(\.name),
      closed: daemon.listeners.compactMap { name, problem in problem.map { "\(name): \($0)" } },
      strangers: daemon.strangers)
    if let address = facts.guestAddress {
      known.holder = await daemon.holder(address)
      known.role = await daemon.role(address)
    }
    if case .answered(let source) = facts.guest?.probe?.outcome {
      known.sourceRole = await daemon.role(source)
    }
    if let probe = facts.direct { known.sawDirect = await daemon.sighting(probe.nonce) != nil }
    if let probe = facts.guest?.probe { known.sawGuest = await daemon.sighting(probe.nonce) != nil }
    return known
  }
}

/// What the daemon was asked, answered.
struct DaemonFacts: Hashable {
  var version: String
  var listeners: [String] = []
  /// Those that are closed, with their reasons.
  var closed: [String] = []
  var strangers: [DoctorDaemon.Stranger] = []
  /// Who has the guest's address.
  var holder: String?
  /// What the guest's address is known as otherwise.
  var role: String?
  /// What the address is known as that the guest's probe came from.
  var sourceRole: String?
  var sawDirect = false
  var sawGuest = false
}
