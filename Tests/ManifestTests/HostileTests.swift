import Inventory
import Manifest
import Testing

@Suite("Hostile manifests")
struct HostileTests {
  @Test("a billion laughs are refused, not expanded")
  func laughs() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...12 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(aliases)]\n"
    }
    #expect(findings(text).contains("is larger than"))
  }

  @Test(
    "keys of lists of aliases are refused before the parser compares them",
    arguments: ["? *a40\n: x\n", "*a40 : x\n", "{[*a40]: x}\n", "- {*a40 : x}\n", "?\t*a40\n: x\n"])
  func keys(_ last: String) {
    var text = "- &a0 [x]\n"
    for level in 1...40 { text += "- &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    #expect(findings(text + "-\n  " + last).contains("aliases"))
  }

  @Test("aliases as values are read, also beside user data that looks like a key")
  func aliases() throws {
    let text = """
      kind: Instance
      hostname: a
      securityGroups: &groups [default, web]
      userData: |
        if true; then ok; fi ${x}
      interfaces:
      - {address: 192.0.2.1, securityGroups: *groups}
      """
    let instance = try #require(try readManifest(text: text, name: "a").first?.resource.instance)
    #expect(instance.interfaces.first?.securityGroups == ["default", "web"])
  }

  @Test(
    "nesting is bounded, in blocks, in brackets and in JSON",
    arguments: [
      String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000),
      String(repeating: "{a: ", count: 100_000),
      String(repeating: "[", count: 900) + "x"
        + String(repeating: "]", count: 900),
      #"{"a": "# + String(repeating: "[", count: 100_000),
      String(repeating: "? ", count: 100_000),
    ])
  func nesting(_ text: String) {
    #expect(!findings(text).isEmpty)
  }

  @Test("a value at the nesting limit is read, one level more is refused")
  func nestingLimit() {
    func nested(_ levels: Int) -> String {
      "a: " + String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
    }
    #expect(throws: Never.self) { try value(nested(Limits.maximumJSONDepth)) }
    #expect(throws: ManifestError.self) { try value(nested(Limits.maximumJSONDepth + 1)) }
  }

  @Test("a document at the size limit is read, a larger one is refused")
  func documentLimit() {
    // The map, its key and the value each count as a node or as bytes.
    let room = Limits.maximumDocumentBytes - 3
    #expect(throws: Never.self) { try value("a: " + String(repeating: "x", count: room)) }
    #expect(throws: ManifestError.self) {
      try value("a: " + String(repeating: "x", count: room + 1))
    }
  }

  @Test(
    "bytes that are no text, and texts that end too early, are findings",
    arguments: [
      "\u{0}", "a: \u{1}", "a: \"\\q\"", "%YAML 9.9\n---\na: 1", "a: 'x", "{", "&", "*", "!",
    ])
  func broken(_ text: String) {
    #expect(!findings(text).isEmpty)
  }
}
