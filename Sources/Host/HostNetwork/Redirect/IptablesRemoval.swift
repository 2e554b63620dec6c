/// Takes our chains of one address family away.
struct IptablesRemoval {
  let prefix: String
  let isIPv4: Bool
  let isLegacy: Bool

  var saveTool: String { IptablesText.tool("save", isIPv4: isIPv4, isLegacy: isLegacy) }

  /// The translation goes first, in a transaction of its own: what is translated must not lose its
  /// source address on the way. The refusal goes last. Nil where nothing of ours is there.
  func remove(from save: IptablesSave) -> RedirectStep? {
    var text = ""
    for (table, builtins) in [
      ("nat", ["PREROUTING"]), ("nat", ["POSTROUTING"]), ("filter", ["INPUT", "FORWARD"]),
    ] {
      let own = builtins.map { "\(prefix)-\($0)" }
        .filter { save.tables[table]?.chains.contains($0) == true }
      if own.isEmpty { continue }
      var lines = ["*\(table)"]
      lines += save.jumps(to: Set(own), in: table).map { "-D \($0.chain) \($0.text)" }
      lines += own.map { "-F \($0)" } + own.map { "-X \($0)" }
      text += (lines + ["COMMIT", ""]).joined(separator: "\n")
    }
    if text.isEmpty { return nil }
    return IptablesText.restore(text, isIPv4: isIPv4, isLegacy: isLegacy)
  }
}
