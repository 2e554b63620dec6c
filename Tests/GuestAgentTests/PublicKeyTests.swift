import Foundation
import Testing

@testable import GuestAgent

@Suite("Public keys")
struct PublicKeyTests {
  /// A key's blob of the fields, in base64 after its type.
  static func key(_ type: String, _ fields: [[UInt8]], inner: String? = nil) -> String {
    "\(type) \(Data(blob([Array((inner ?? type).utf8)] + fields)).base64EncodedString())"
  }

  static func blob(_ fields: [[UInt8]]) -> [UInt8] {
    fields.flatMap { field in
      (0..<4).map { UInt8(truncatingIfNeeded: field.count >> (24 - 8 * $0)) } + field
    }
  }

  static let point = [4] + [UInt8](repeating: 7, count: 64)
  static let modulus = [0, 0xC1] + [UInt8](repeating: 9, count: 255)

  static let good =
    ExampleKeys.all + [
      key("sk-ssh-ed25519@openssh.com", [[UInt8](repeating: 1, count: 32), Array("ssh:".utf8)]),
      key(
        "sk-ecdsa-sha2-nistp256@openssh.com",
        [Array("nistp256".utf8), point, Array("ssh:".utf8)]),
      key("ssh-rsa", [[1, 0, 1], modulus]),
      // A comment is any printable text.
      key("ssh-rsa", [[1, 0, 1], modulus]) + " schlüssel # \"of\" $(alice) \u{1F511}",
    ]

  @Test("what ssh-keygen makes is taken as it is", arguments: good)
  func taken(text: String) throws {
    #expect(try PublicKey(Array(text.utf8)).line == text)
    #expect(try PublicKey(Array("\(text)\n".utf8)).line == text)
    #expect(try PublicKey(Array("\(text)\r\n".utf8)).line == text)
  }

  @Test("spaces around the parts are one space")
  func spaces() throws {
    let words = ExampleKeys.ed25519.split(separator: " ")
    let key = try PublicKey(Array("  \(words[0])   \(words[1])  test key  ".utf8))
    #expect(key.line == ExampleKeys.ed25519)
  }

  static let plain = ExampleKeys.ed25519.split(separator: " ").prefix(2).joined(separator: " ")

  static let hostile: [(String, String)] = [
    ("", "empty"),
    ("\n", "empty"),
    ("<html><body>Log in</body></html>", "no type of key"),
    ("command=\"rm -rf /\" \(plain)", "no type of key"),
    ("no-pty \(plain)", "no type of key"),
    ("cert-authority \(plain)", "no type of key"),
    ("from=\"*\",\(plain)", "no type of key"),
    ("# \(plain)", "no type of key"),
    ("\(plain) a\nssh-rsa AAAA b", "line breaks"),
    ("\(plain) a\r", "line breaks"),
    ("\(plain)\r a", "line breaks"),
    ("\(plain)\n\n", "line breaks"),
    ("\(plain)\u{0}", "line breaks"),
    ("\(plain) \u{1B}[2Jcomment", "line breaks"),
    ("\(plain) a\u{2028}b", "line breaks"),
    ("\(plain) a\u{202E}b", "line breaks"),
    ("\(plain)\tcomment", "line breaks"),
    ("ssh-ed25519", "no key after"),
    ("ssh-ed25519 AAAA!", "not base64"),
    ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB", "not base64"),
    ("ssh-ed25519 \(plain.dropFirst(12).dropLast(4))", "not base64|32 bytes|bytes after"),
    ("ssh-dss AAAAB3NzaC1kc3M=", "no type of key"),
    ("ssh-ed25519-cert-v01@openssh.com AAAA", "no type of key"),
    ("SSH-ED25519 \(plain.dropFirst(12))", "no type of key"),
    ("ssh-rsa \(plain.dropFirst(12))", "not of the type"),
    (key("ssh-ed25519", [[UInt8](repeating: 1, count: 31)]), "32 bytes"),
    (key("ssh-ed25519", []), "32 bytes"),
    (key("ssh-ed25519", [[UInt8](repeating: 1, count: 32), [1]]), "bytes after"),
    (key("ssh-ed25519", [[UInt8](repeating: 1, count: 32)], inner: "ssh-rsa"), "not of the type"),
    (key("sk-ssh-ed25519@openssh.com", [[UInt8](repeating: 1, count: 32)]), "application"),
    (key("ecdsa-sha2-nistp256", [Array("nistp384".utf8), point]), "curve"),
    (key("ecdsa-sha2-nistp256", [Array("nistp256".utf8), [2] + point.dropFirst()]), "point"),
    (key("ecdsa-sha2-nistp384", [Array("nistp384".utf8), point]), "point"),
    (key("ssh-rsa", [[1, 0, 1]]), "exponent and a modulus"),
    (key("ssh-rsa", [[1], modulus]), "exponent"),
    (key("ssh-rsa", [[2], modulus]), "exponent"),
    (key("ssh-rsa", [[0x80, 1], modulus]), "exponent and a modulus"),
    (key("ssh-rsa", [[0, 1], modulus]), "exponent and a modulus"),
    (key("ssh-rsa", [[1, 0, 1], [0, 0xC1] + [UInt8](repeating: 9, count: 126)]), "1024"),
    (key("ssh-rsa", [[1, 0, 1], [0x71] + [UInt8](repeating: 9, count: 2048)]), "16384"),
    (plain + " " + String(repeating: "a", count: 16 * 1024), "longer than"),
    ("ssh-ed25519 /////w==", "not of the type"),
  ]

  @Test("what is no key is refused, and the reason says why", arguments: hostile)
  func refused(text: String, reason: String) {
    do throws(AgentError) {
      let key = try PublicKey(Array(text.utf8))
      Issue.record("taken as \(key.line)")
    } catch {
      #expect(reason.split(separator: "|").contains { error.description.contains($0) }, "\(error)")
    }
  }

  @Test("bytes that are no UTF-8 are refused")
  func notUTF8() {
    #expect(throws: AgentError.self) { try PublicKey(Array(Self.plain.utf8) + [0x20, 0xFF]) }
  }

  @Test("a good key with any byte changed is refused or the change is in the key, never a trap")
  func mutations() {
    let good = Array(ExampleKeys.rsa.utf8)
    for index in good.indices {
      for value: UInt8 in [0, 0x0A, 0x20, 0x3D, 0x41, 0x80, 0xFF] {
        var bytes = good
        bytes[index] = value
        guard let key = try? PublicKey(bytes) else { continue }
        #expect(key.line.hasPrefix("ssh-rsa AAAA") && !key.line.contains("\n"))
      }
      _ = try? PublicKey(Array(good[..<index]))
    }
  }
}
