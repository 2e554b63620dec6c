import HostProcess

/// A router's redirect in nftables.
struct NftablesRouter {
  let router: RouterRedirect
  let tools: HostTools
  let memory: RedirectMemory

  var steps: [RedirectStep] { [NftablesText.install(router)] }

  func check() async throws(RedirectError) -> RedirectFinding {
    guard let listing = try await listing() else {
      return RedirectFinding(drift: ["the table \(NftablesText.table) is missing"], packets: nil)
    }
    let expected = await expected()
    return RedirectFinding(drift: listing.drift(from: expected), packets: listing.translated)
  }

  /// What of ours is there has to go; nothing where nothing is.
  static func removal(_ tools: HostTools) async throws(RedirectError) -> [RedirectStep] {
    let router = try await list(tools)
    guard let router else { return [] }
    return router.chains["prerouting"] == nil
      ? NftablesText.remove.suffix(1) : NftablesText.remove
  }

  private func listing() async throws(RedirectError) -> NftablesListing? {
    try await NftablesRouter.list(tools)
  }

  private static func list(_ tools: HostTools) async throws(RedirectError) -> NftablesListing? {
    try await NftablesListing.text(of: NftablesText.table, tools).map { NftablesListing($0) }
  }

  /// How this nft lists our text: it is loaded into a network namespace that lives as long as the
  /// command. Where none can be made, the text itself is compared.
  private func expected() async -> NftablesListing {
    if let known = memory.nftables { return known }
    let text = NftablesText.definition(router)
    let command = "nft -f - && nft list table \(NftablesText.table)"
    let output = try? await tools.run("unshare", ["--net", "sh", "-c", command], input: text)
    let listing = NftablesListing(output ?? text)
    memory.remember(listing)
    return listing
  }
}
