import Glibc

/// Why something was not done, as one sentence for whoever reads the console. It never holds a
/// secret, nor bytes that somebody else chose without being quoted.
public struct AgentError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }

  /// For a system call that failed.
  init(_ what: String, errno code: Int32) {
    self.init("\(what): \(AgentError.text(of: code))")
  }

  /// The C library's text for an error number.
  static func text(of code: Int32) -> String {
    unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
  }

  /// Somebody else's bytes for a person's eyes: printable ASCII, and not many of them.
  static func quote(_ bytes: some Sequence<UInt8>, limit: Int = 40) -> String {
    var text = ""
    var count = 0
    for byte in bytes {
      guard count < limit else { return "'\(text)…'" }
      text.unicodeScalars.append(byte >= 0x20 && byte < 0x7F ? Unicode.Scalar(byte) : "?")
      count += 1
    }
    return "'\(text)'"
  }
}
