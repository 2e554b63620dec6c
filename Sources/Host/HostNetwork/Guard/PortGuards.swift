public import HostProcess

/// Installs, checks and takes away ports' guards, in one network namespace.
public struct PortGuards: Sendable {
  private let tools: HostTools

  public init(tools: HostTools = HostTools()) { self.tools = tools }

  /// What ``install(_:)`` feeds to nft, with a heading. Nothing is changed.
  public static func text(_ port: PortGuard) -> String { GuardText.install(port).description }

  /// Puts a port's rules into place, in one transaction; what is in place already is not touched.
  public func install(_ port: PortGuard) async throws(RedirectError) -> RedirectOutcome {
    do {
      try await tools.run("ip", ["link", "show", "dev", port.device])
    } catch {
      // What gave no answer in time says nothing of the device.
      guard case .failed = error.reason else { throw .tool(error) }
      throw .missingDevice(port.device)
    }
    let report = try await check(port)
    if report.isInPlace { return .unchanged }
    try await tools.perform([GuardText.install(port)])
    return .installed(report.drift)
  }

  /// Takes a port's rules away, also where the port is gone.
  /// - Returns: Whether there were any.
  @discardableResult
  public func remove(device: String) async throws(RedirectError) -> Bool {
    do throws(RedirectPlanError) {
      try checkDevices([device])
    } catch {
      throw .plan(error)
    }
    guard try await NftablesListing.text(of: PortGuard.table(device), tools) != nil else {
      return false
    }
    try await tools.perform([GuardText.remove(device)])
    return true
  }

  /// Compares what is at a port with what should be.
  public func check(_ port: PortGuard) async throws(RedirectError) -> PortGuardReport {
    guard let text = try await NftablesListing.text(of: port.table, tools) else {
      return PortGuardReport(drift: ["the table \(port.table) is missing"], drops: [])
    }
    let drift = NftablesListing(text).drift(from: await expected(port), table: port.table)
    return PortGuardReport(drift: drift, drops: PortGuards.drops(text))
  }

  /// How this nft lists our text, in a namespace that has a device of that name and lives as long as
  /// the command. Where none can be made, the text itself is compared.
  private func expected(_ port: PortGuard) async -> NftablesListing {
    let text = GuardText.definition(port)
    let script = """
      { ip link add "$1" type dummy || ip link add "$1" type veth peer name np-peer; } 2>/dev/null
      nft -f - && nft list table \(port.table)
      """
    let words = ["--net", "sh", "-c", script, "sh", port.device]
    return NftablesListing((try? await tools.run("unshare", words, input: text)) ?? text)
  }

  /// The counts of rules that say with a comment what they drop.
  static func drops(_ listing: String) -> [PortGuardReport.Drop] {
    var reasons: [String] = []
    var packets: [String: UInt64] = [:]
    for line in listing.split(separator: "\n") {
      let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
      let words = line.split(separator: " ")
      guard parts.count == 3, parts[0].hasSuffix(" drop comment "),
        let index = words.firstIndex(of: "packets"), index + 1 < words.count,
        let count = UInt64(words[index + 1])
      else { continue }
      let reason = String(parts[1])
      if packets[reason] == nil { reasons.append(reason) }
      packets[reason, default: 0] += count
    }
    return reasons.map { PortGuardReport.Drop(reason: $0, packets: packets[$0] ?? 0) }
  }
}
