import Inventory

/// A request that shows whether the road is open, who answers, and what address arrives there.
struct DoctorProbe: Hashable {
  enum Outcome: Hashable {
    /// A Nameplate answered; it saw this source.
    case answered(source: IPAddress)
    /// Something else did: its first line and its name.
    case answeredByOther(String)
    case refused
    case timedOut
    /// No connection, and no refusal either.
    case unreachable
    case notSent(String)
  }

  let nonce: String
  let outcome: Outcome

  /// Enough for more than one packet on any link.
  static let largeBytes = 16_384
  private static let maximumSeconds = 4

  /// Sends a probe with curl.
  static func send(
    _ tools: HostTools, to address: IPAddress, port: Int, bytes: Int = 0
  ) async -> DoctorProbe {
    let nonce = (0..<32).map { _ in String(Int.random(in: 0...15), radix: 16) }.joined()
    let host = address.isIPv4 ? "\(address)" : "[\(address)]"
    let padding = bytes > 0 ? "/\(bytes)" : ""
    do {
      let output = try await tools.run(
        "curl",
        [
          "-g", "-s", "-S", "-i", "--noproxy", "*", "--max-time", "\(maximumSeconds)",
          "--max-filesize", "65536", "http://\(host):\(port)/nameplate/probe/\(nonce)\(padding)",
        ])
      return DoctorProbe(nonce: nonce, outcome: read(output, nonce: nonce))
    } catch {
      return DoctorProbe(nonce: nonce, outcome: outcome(of: error))
    }
  }

  private static func outcome(of error: HostToolError) -> Outcome {
    guard case .failed(let status, let message) = error.reason else { return .notSent("\(error)") }
    switch status {
    case 7:
      // "Failed to connect to 10.0.0.4 port 80 after 3062 ms": a refusal comes at once.
      let words = message.split(separator: " ")
      let after = words.firstIndex(of: "after").map { words.index(after: $0) }
      let milliseconds = after.flatMap { words.indices.contains($0) ? Int(words[$0]) : nil }
      return (milliseconds ?? 0) < 900 ? .refused : .unreachable
    case 28: return .timedOut
    case 1, 8, 52, 56, 63: return .answeredByOther("something that speaks no HTTP as it should")
    default: return .notSent("curl ended with \(status): \(message)")
    }
  }

  /// What came back may be anybody's: it is read strictly.
  private static func read(_ output: String, nonce: String) -> Outcome {
    let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.last == "\r" ? String($0.dropLast()) : String($0) }
    let head = lines.prefix { !$0.isEmpty }
    let body = lines.dropFirst(head.count + 1).first ?? ""
    if head.first?.contains(" 200") == true, let value = try? JSONValue(parsing: body),
      value["service"] == "nameplate", value["nonce"]?.string == nonce,
      let source = value["source"]?.string.flatMap({ IPAddress($0) })
    {
      return .answered(source: source)
    }
    let server = head.first { $0.lowercased().hasPrefix("server:") }
    let words = [head.first, server].compactMap(\.self).map { printable($0) }
    return .answeredByOther(words.isEmpty ? "no HTTP" : words.joined(separator: ", "))
  }

  private static func printable(_ text: String) -> String {
    String(
      text.unicodeScalars.filter { (0x20...0x7E).contains($0.value) }.prefix(80).map(Character.init)
    )
  }
}
