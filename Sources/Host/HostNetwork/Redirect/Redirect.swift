public import HostProcess
import SystemPackage

/// Installs, checks and takes away what brings guests' packets for the metadata address to the
/// service, with their source addresses as they are.
///
/// Only one `Redirect` at a time should install or remove on a host. Another one that does so
/// meanwhile does no harm that the next installation does not repair.
public struct Redirect: Sendable {
  public let plan: RedirectPlan
  private let tools: HostTools
  private let path: FilePath
  private let memory = RedirectMemory()

  /// - Parameter record: A file in which it is remembered what was there before. Its folder must
  ///   exist and be the service's own. Without the file, removing leaves empty tables behind.
  public init(plan: RedirectPlan, tools: HostTools = HostTools(), record: String) {
    self.plan = plan
    self.tools = tools
    self.path = FilePath(record)
  }

  /// What ``install()`` feeds to which tool where something is missing or wrong, each with a
  /// heading such as `# iptables-nft-restore --noflush --wait`. Nothing is changed.
  public func text() async throws(RedirectError) -> String {
    try await steps().map(\.description).joined(separator: "\n")
  }

  func steps() async throws(RedirectError) -> [RedirectStep] {
    switch plan.shape {
    case .local(let local): return try await LocalInstaller(local: local, tools: tools).steps()
    case .router(let router):
      let backend = try await resolve(router).backend
      return try await steps(router, backend)
    }
  }

  /// Brings everything to its place; what is in its place already is not touched.
  public func install() async throws(RedirectError) -> RedirectOutcome {
    let old = RedirectRecord.read(path)
    switch plan.shape {
    case .local(let local): return try await install(local, old)
    case .router(let router): return try await install(router, old)
    }
  }

  /// Takes away what ``install()`` made, by whichever backend, and nothing else.
  public func remove() async throws(RedirectError) {
    let old = RedirectRecord.read(path)
    if case .local(let local) = plan.shape {
      try await removeLocal(Set(local.devices).union(old?.devices ?? []), old)
      if old?.shape == .router { try await removeRouter([], old) }
    } else if case .router(let router) = plan.shape {
      try await removeRouter([router.chainPrefix], old)
      if let old, old.shape == .local { try await removeLocal(Set(old.devices), old) }
    }
    try RedirectRecord.delete(path)
    memory.remember(nil, hasIPv6: false)
  }

  /// Compares what is there with what should be.
  public func check() async throws(RedirectError) -> RedirectReport {
    switch plan.shape {
    case .local(let local):
      let (finding, notes) = try await LocalInstaller(local: local, tools: tools).check()
      return RedirectReport(
        backend: .auto, backendReason: "", drift: finding.drift, translatedPackets: nil,
        notes: notes)
    case .router(let router):
      let choice = try await resolve(router)
      let finding = try await check(router, choice.backend)
      return RedirectReport(
        backend: choice.backend, backendReason: choice.why, drift: finding.drift,
        translatedPackets: finding.packets, notes: [Self.note(choice.backend)].compactMap(\.self))
    }
  }

  private static func note(_ backend: RedirectPlan.Backend) -> String? {
    guard backend == .nftables else {
      return "a masquerade rule in a table of nftables is not bound by iptables' exemption; "
        + "backend nftables binds all"
    }
    return "a drop in another table's input or forward chain wins over ours: "
      + "a firewall that drops by default has to accept guests itself"
  }
}

extension Redirect {
  private func resolve(
    _ router: RouterRedirect
  ) async throws(RedirectError) -> RedirectSurvey.Choice {
    if let choice = memory.choice { return choice }
    return try await survey(router).choice
  }

  private func survey(
    _ router: RouterRedirect
  ) async throws(RedirectError) -> (choice: RedirectSurvey.Choice, survey: RedirectSurvey) {
    let survey = try await RedirectSurvey.take(tools, prefixes: [router.chainPrefix])
    let choice = try survey.choose(plan.backend)
    memory.remember(choice, hasIPv6: survey.hasIPv6)
    return (choice, survey)
  }

  private func check(
    _ router: RouterRedirect, _ backend: RedirectPlan.Backend
  ) async throws(RedirectError) -> RedirectFinding {
    if backend == .nftables {
      return try await NftablesRouter(router: router, tools: tools, memory: memory).check()
    }
    return try await iptables(router, backend).check()
  }

  private func steps(
    _ router: RouterRedirect, _ backend: RedirectPlan.Backend
  ) async throws(RedirectError) -> [RedirectStep] {
    if backend == .nftables { return [NftablesText.install(router)] }
    let old = RedirectRecord.read(path)
    let isOurs = old?.shape == .router && old?.chainPrefix == router.chainPrefix
    return try await iptables(router, backend).steps(isOurs: isOurs)
  }

  private func iptables(
    _ router: RouterRedirect, _ backend: RedirectPlan.Backend
  ) -> IptablesRouter {
    IptablesRouter(
      router: router, isLegacy: backend == .iptablesLegacy, tools: tools, memory: memory)
  }

  private func install(
    _ router: RouterRedirect, _ old: RedirectRecord?
  ) async throws(RedirectError) -> RedirectOutcome {
    let backend: RedirectPlan.Backend
    if let choice = memory.choice {
      backend = choice.backend
    } else {
      let (choice, survey) = try await survey(router)
      backend = choice.backend
      // What another plan left is never mixed with this one.
      try await removeOthers(router, backend, survey, old)
    }
    let finding = try await check(router, backend)
    if finding.drift.isEmpty { return .unchanged }
    // What may be somebody else's chain is refused before anything is written.
    let steps = try await steps(router, backend)
    var record = RedirectRecord(shape: .router)
    record.backend = backend
    record.chainPrefix = router.chainPrefix
    if backend == .iptablesNft,
      let listing = try await tools.outputIfAny("nft", ["list", "chains"])
    {
      let absent = IptablesEmptyTables.absent(from: NftablesTable.read(listing))
      record.absent = Set(absent).union(old?.absent ?? []).sorted()
    }
    try record.write(path)
    try await tools.perform(steps)
    return .installed(finding.drift)
  }

  private func removeOthers(
    _ router: RouterRedirect, _ backend: RedirectPlan.Backend, _ survey: RedirectSurvey,
    _ old: RedirectRecord?
  ) async throws(RedirectError) {
    for other in survey.installed where other != backend {
      try await remove(other, prefix: router.chainPrefix, old)
    }
    guard let old else { return }
    if old.shape == .local { try await removeLocal(Set(old.devices), old) }
    if old.shape == .router, old.backend != .nftables, old.chainPrefix != router.chainPrefix {
      try await remove(old.backend, prefix: old.chainPrefix, old)
    }
  }

  private func remove(
    _ backend: RedirectPlan.Backend, prefix: String, _ old: RedirectRecord?
  ) async throws(RedirectError) {
    if backend == .nftables {
      try await tools.perform(NftablesRouter.removal(tools))
      return
    }
    let isOurs = old?.shape == .router && old?.chainPrefix == prefix
    try await tools.perform(
      IptablesRouter.removal(
        prefix: prefix, isLegacy: backend == .iptablesLegacy, isOurs: isOurs, tools: tools))
    if backend == .iptablesNft, let absent = old?.absent {
      try await IptablesEmptyTables.remove(absent, tools: tools)
    }
  }

  private func removeRouter(
    _ prefixes: Set<String>, _ old: RedirectRecord?
  ) async throws(RedirectError) {
    let recorded = old.flatMap { $0.shape == .router ? $0 : nil }
    let prefixes = prefixes.union(recorded.map { [$0.chainPrefix] } ?? [])
    let survey = try await RedirectSurvey.take(tools, prefixes: prefixes)
    if survey.nftables == nil {
      // It is told from a host without nft that nothing can be seen, and so nothing removed.
      do {
        _ = try await tools.run("nft", ["list", "tables"])
      } catch
        where recorded?.backend == .nftables || survey.iptables.isEmpty
        || error.description.contains("not permitted")
      {
        throw .tool(error)
      } catch {}
    }
    for backend in survey.installed.union(recorded.map { [$0.backend] } ?? []) {
      for prefix in prefixes { try await remove(backend, prefix: prefix, recorded) }
    }
  }

  private func install(
    _ local: LocalRedirect, _ old: RedirectRecord?
  ) async throws(RedirectError) -> RedirectOutcome {
    if old?.shape == .router { try await removeRouter([], old) }
    let installer = LocalInstaller(local: local, tools: tools)
    let recorded = old.flatMap { $0.shape == .local ? $0 : nil }
    let others = Set(recorded?.devices ?? []).subtracting(local.devices)
    let finding = try await installer.check().finding
    if finding.drift.isEmpty && others.isEmpty { return .unchanged }
    var record = RedirectRecord(shape: .local)
    record.devices = Set(recorded?.devices ?? []).union(local.devices).sorted()
    let isNew = !local.devices.allSatisfy { recorded?.devices.contains($0) == true }
    record.found = recorded?.found ?? []
    if isNew {
      record.found = Set(record.found).union(try await newlyFound(installer, recorded)).sorted()
    }
    try record.write(path)
    try await installer.install()
    if !others.isEmpty {
      try await removeLocal(others, record)
      // What both have was taken away with it.
      try await installer.install()
      record.devices = local.devices
      try record.write(path)
    }
    let left = others.sorted().map { "the interface \($0) is not in the plan any more" }
    return .installed(finding.drift + left)
  }

  /// What was there before; what an earlier plan of ours made is not.
  private func newlyFound(
    _ installer: LocalInstaller, _ recorded: RedirectRecord?
  ) async throws(RedirectError) -> [String] {
    guard let recorded else { return try await installer.found() }
    return try await installer.found().filter { line in
      let words = line.split(separator: " ").map(String.init)
      return !words.contains("lo") && !words.contains("throw")
        && !recorded.devices.contains { words.contains($0) }
    }
  }

  private func removeLocal(
    _ devices: Set<String>, _ old: RedirectRecord?
  ) async throws(RedirectError) {
    let steps = try await LocalInstaller.removal(
      devices: devices.sorted(), found: old?.found ?? [], tools: tools)
    try await tools.perform(steps)
  }
}
