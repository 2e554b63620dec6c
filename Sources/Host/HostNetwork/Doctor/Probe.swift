import HostProcess
import Inventory

/// A request that says nothing and asks who is there: `GET /nameplate/probe/NONCE[/BYTES]`.
struct Probe: Hashable, Sendable {
  /// 32 hexadecimal digits that nobody can have guessed.
  let nonce: String
  /// How long the answer is to be, if longer than it is by itself.
  var padding: Int?

  /// Larger than a link's packet, so that the answer needs more than one.
  static let largePadding = 8000
  /// What is read of an answer. One of ours has at most 16 KiB and a head.
  static let maximumAnswerBytes = 32 * 1024

  init(padding: Int? = nil) {
    let digits = (0..<2).map { _ in String(UInt64.random(in: 0...UInt64.max), radix: 16) }
    nonce = digits.map { String(repeating: "0", count: 16 - $0.count) + $0 }.joined()
    self.padding = padding
  }

  init(nonce: String, padding: Int? = nil) {
    self.nonce = nonce
    self.padding = padding
  }

  func run(_ tools: HostTools, to address: IPAddress, port: Int, seconds: Int) async -> ProbeOutcome
  {
    let host = address.isIPv4 ? "\(address)" : "[\(address)]"
    let path = "/nameplate/probe/\(nonce)" + (padding.map { "/\($0)" } ?? "")
    // The rate bounds what somebody else's endless answer can bring.
    let arguments = [
      "-s", "-S", "-i", "-g", "--http1.1", "--noproxy", "*", "--limit-rate", "512K",
      "--max-time", "\(seconds)", "http://\(host):\(port)\(path)",
    ]
    do {
      return read(try await tools.run("curl", ["-q"] + arguments))
    } catch {
      guard case .failed(7, _) = error.reason else { return Probe.outcome(error) }
    }
    // Why a connection could not be made, curl says only when it is asked to be verbose.
    do {
      return read(try await tools.run("curl", ["-q", "-v"] + arguments))
    } catch {
      return Probe.outcome(error)
    }
  }

  /// curl's exit codes (curl(1)).
  static func outcome(_ error: HostToolError) -> ProbeOutcome {
    guard case .failed(let status, let message) = error.reason else {
      return .unreachable("\(error)")
    }
    switch status {
    case 28: return .timedOut
    case 7 where message.contains("Connection refused"): return .refused
    case 7:
      let why = ["No route to host", "Network is unreachable", "Host is unreachable"]
        .first { message.contains($0) }
      return .unreachable(why ?? message)
    case 1, 8: return .stranger("something that does not speak HTTP")
    case 52: return .stranger("something that closes the connection without an answer")
    case 56: return .stranger("something that breaks the connection off")
    default: return .stranger("something that curl cannot read (\(status): \(message))")
    }
  }

  /// Reads head and body. Whatever answered may be anything.
  func read(_ answer: String) -> ProbeOutcome {
    let bytes = Array(answer.utf8.prefix(Probe.maximumAnswerBytes))
    let end: [UInt8] = [13, 10, 13, 10]
    guard let split = Probe.first(end, in: bytes) else {
      return .stranger("something that does not speak HTTP")
    }
    let head = String(decoding: bytes[..<split], as: UTF8.self).split(separator: "\r\n")
    let status = head.first?.split(separator: " ").dropFirst().first.map(String.init) ?? ""
    let body = bytes[(split + end.count)...]
    if status == "200", answer.utf8.count <= Probe.maximumAnswerBytes, let source = source(body) {
      return .answered(source: source, bytes: body.count)
    }
    let server = head.dropFirst().first { $0.lowercased().hasPrefix("server:") }
    let name = server.map { $0.dropFirst("server:".count).drop { $0 == " " } } ?? "no Server header"
    return .stranger(
      printable("an HTTP server (\(name.prefix(80)), status \(status.prefix(8)))", maximum: 160))
  }

  private func source(_ body: ArraySlice<UInt8>) -> IPAddress? {
    let space: Set<UInt8> = [0x20, 0x0A, 0x0D]
    guard let last = body.lastIndex(where: { !space.contains($0) }), last - body.startIndex < 512,
      let value = try? JSONValue(parsing: Array(body[...last])), value["service"] == "nameplate",
      value["nonce"]?.string == nonce
    else { return nil }
    return value["source"]?.string.flatMap { IPAddress($0) }
  }

  private static func first(_ needle: [UInt8], in bytes: [UInt8]) -> Int? {
    guard bytes.count >= needle.count else { return nil }
    return (0...(bytes.count - needle.count)).first {
      bytes[$0..<($0 + needle.count)] == needle[...]
    }
  }
}
