import HostNetwork
import Inventory
import Testing

@Suite("Names of namespaces")
struct NamespacePatternTests {
  static let matches: [(String, String, String?)] = [
    ("ovnmeta-{network}", "ovnmeta-net-a", "net-a"),
    ("ovnmeta-{network}", "ovnmeta-", nil),
    ("ovnmeta-{network}", "ovnmeta", nil),
    ("ovnmeta-{network}", "qdhcp-net-a", nil),
    ("ovnmeta-{network}", "ovnmeta-Net", nil),
    ("ovnmeta-{network}", "ovnmeta-net a", nil),
    ("{network}", "net-a", "net-a"),
    ("{network}-ns", "net-a-ns", "net-a"),
    ("{network}-ns", "-ns", nil),
    ("a-{network}-a", "a-a", nil),
    ("a-{network}-a", "a--a", nil),
    ("a-{network}-a", "a-x-a", "x"),
    ("x{network}", "x" + String(repeating: "a", count: 64), String(repeating: "a", count: 64)),
    ("x{network}", "x" + String(repeating: "a", count: 65), nil),
  ]

  @Test("what stands in the placeholder is the network, where it can be one", arguments: matches)
  func placeholder(pattern: String, name: String, network: String?) throws {
    let expected = network.flatMap(NetworkID.init).map(NamespacePattern.Match.network) ?? .no
    #expect(try NamespacePattern(pattern).match(name) == expected)
  }

  @Test("without a placeholder one name matches, byte for byte")
  func literal() throws {
    let pattern = try NamespacePattern("ne\u{301}t")
    #expect(!pattern.namesNetwork)
    #expect(pattern.match("ne\u{301}t") == .yes)
    #expect(pattern.match("n\u{E9}t") == .no)
    #expect(pattern.match("net") == .no)
  }

  @Test(
    "what is no name, or has other braces, is refused",
    arguments: [
      "", ".", "..", "a/b", "a\u{0}b", "a\nb", "{network}{network}", "{net}", "a{", "}",
      "{network}}", String(repeating: "a", count: 256),
    ])
  func mistakes(text: String) {
    #expect(throws: NamespacePattern.Mistake.self) { try NamespacePattern(text) }
  }
}
