import Testing

@testable import GuestAgent

@Suite("The text of authorized_keys")
struct AuthorizedKeysTests {
  static let a = ExampleKeys.ed25519
  static let b = ExampleKeys.ecdsa256
  static let foreign = "ssh-rsa AAAAB3NzaC1yc2E= mallory"

  static func block(_ lines: String...) -> String {
    ([AuthorizedKeys.begin] + lines + [AuthorizedKeys.end]).map { "\($0)\n" }.joined()
  }

  /// What becomes of a file when the service has these keys.
  func follow(_ text: String, _ keys: [String]) throws -> String {
    let file = AuthorizedKeys(Array(text.utf8))
    let wanted = file.wanted(of: try keys.map { try PublicKey(Array($0.utf8)) })
    return String(decoding: file.bytes(with: wanted), as: UTF8.self)
  }

  static let cases: [(String, [String], String)] = [
    ("", [a], block(a)),
    ("", [], ""),
    ("", [a, a], block(a)),
    // Somebody else's lines stay, byte for byte.
    ("\(foreign)\n", [a], "\(foreign)\n\(block(a))"),
    (foreign, [a], "\(foreign)\n\(block(a))"),
    ("# mine\r\n\r\n\(foreign)\r\n", [a], "# mine\r\n\r\n\(foreign)\r\n\(block(a))"),
    // A key that comes, one that goes, one that is another.
    (block(a), [a, b], block(a, b)),
    (block(a, b), [b], block(b)),
    (block(a), [b], block(b)),
    (block(a), [], ""),
    ("\(foreign)\n\(block(a))", [], "\(foreign)\n"),
    // The block stays where it is.
    ("# top\n\(block(a))\(foreign)\n", [b], "# top\n\(block(b))\(foreign)\n"),
    // What somebody has put in already is not put in twice, with options or without.
    ("\(a)\n", [a], "\(a)\n"),
    ("\(a)\n", [a, b], "\(a)\n\(block(b))"),
    ("from=\"10.0.0.0/8\" \(a)\n", [a], "from=\"10.0.0.0/8\" \(a)\n"),
    (
      "command=\"echo \\\"ssh-rsa x\\\" ssh-rsa y\",no-pty \(a)\n", [a],
      "command=\"echo \\\"ssh-rsa x\\\" ssh-rsa y\",no-pty \(a)\n"
    ),
    // A comment, an authority, and text inside a command let nobody in.
    ("# \(a)\n", [a], "# \(a)\n\(block(a))"),
    ("cert-authority \(a)\n", [a], "cert-authority \(a)\n\(block(a))"),
    ("command=\"\(a)\" \(foreign)\n", [a], "command=\"\(a)\" \(foreign)\n\(block(a))"),
    // What somebody has put in, and the block has too, leaves the block.
    ("\(a)\n\(block(a, b))", [a, b], "\(a)\n\(block(b))"),
    ("\(a)\n\(block(a))", [a], "\(a)\n"),
    // A mark that lost its end takes nothing of what follows with it.
    ("\(AuthorizedKeys.begin)\n\(foreign)\n", [a], "\(block(a))\(foreign)\n"),
    ("\(foreign)\n\(AuthorizedKeys.end)\n", [a], "\(foreign)\n\(block(a))"),
    ("\(AuthorizedKeys.begin)\n\(foreign)\n\(block(b))", [a], "\(block(a))\(foreign)\n"),
    ("\(block(a))\(foreign)\n\(block(b))", [a], "\(block(a))\(foreign)\n"),
    // A mark of an older release, with other words after it.
    ("# BEGIN nameplate-guest\n\(b)\n# END nameplate-guest block\n", [a], block(a)),
  ]

  @Test("the block follows the service, and nothing else changes", arguments: cases)
  func follows(before: String, keys: [String], after: String) throws {
    #expect(try follow(before, keys) == after)
    #expect(try follow(after, keys) == after, "a second time changes nothing")
  }

  @Test("bytes that are no text stay as they are")
  func binary() throws {
    let foreign: [UInt8] = [0xFF, 0, 0x0A, 0x80, 0x22, 0x0A]
    let key = try PublicKey(Array(Self.a.utf8))
    let bytes = AuthorizedKeys(foreign).bytes(with: [key])
    #expect(bytes == foreign + Array(Self.block(Self.a).utf8))
    #expect(AuthorizedKeys(bytes).bytes(with: []) == foreign)
  }
}
