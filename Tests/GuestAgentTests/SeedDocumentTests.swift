import Foundation
import Testing

@testable import GuestAgent

@Suite("A NoCloud seed's meta-data")
struct SeedDocumentTests {
  static let a = ExampleKeys.ed25519
  static let b = ExampleKeys.rsa

  static let good: [String] = [
    // As `nameplate drive write --nocloud` has it.
    """
    instance-id: "i-1"
    local-hostname: "web-1.internal"
    public-keys:
      - "\(a)"
      - "\(b)"
    availability-zone: "zone-a"
    meta:
      instance-id: "another"
      - odd
    """,
    // As people write it.
    """
    # a seed
    public-keys:
    - \(a)   # Alice's
    # Bob's
    -   '\(b)'
    instance-id:   i-1   # a comment
    local-hostname: web-1.internal\r
    user-data: |
      #cloud-config
    """,
    """
    instance-id: 'i-1'
    public-keys: ["\(a)", "\(b)"]
    hostname: web-1.internal
    """,
    """
      {"instance-id": "i-1", "local-hostname": "web-1.internal", "more": {"x": [1]},
       "public-keys": ["\(a)", "\(b)"]}
    """,
  ]

  @Test("is read in each form that seeds have", arguments: good)
  func reads(text: String) throws {
    let metadata = try MetadataDocument.seed(Array(text.utf8), from: "a seed")
    #expect(metadata.id == "i-1")
    guard case .value(let name) = metadata.hostName else { throw AgentError("no name") }
    #expect(name.full == "web-1.internal")
    #expect(metadata.keys.map(\.line) == [Self.a, Self.b] && metadata.refusedKeys.isEmpty)
  }

  @Test("one key may stand by itself, and none need be there")
  func few() throws {
    let one = try SeedDocument(Array("public-keys: \(Self.a)\n".utf8))
    #expect(one.keys == [Self.a])
    #expect(try SeedDocument(Array("instance-id: a\npublic-keys: []\n".utf8)).keys == [])
    #expect(try SeedDocument([]).keys == [])
  }

  @Test(
    "what is not understood is said, and never taken for no keys",
    arguments: [
      ("", "has no instance-id"), ("instance-id: |\n  a\n", "a form of YAML"),
      ("instance-id: a b\n", "is no id"), ("instance-id: \"a\n", "a form of YAML"),
      ("instance-id: a\npublic-keys:\n  alice: ssh-rsa AA\n", "is no list"),
      ("instance-id: a\npublic-keys: {0: {openssh-key: x}}\n", "is no list"),
      ("instance-id: a\npublic-keys: [unquoted]\n", "is no list"),
      ("instance-id: a\npublic-keys: *keys\n", "a form of YAML"),
      ("{\"instance-id\": 5}", "cannot be read"), ("{", "cannot be read"),
    ])
  func refuses(text: String, reason: String) {
    do throws(AgentError) {
      _ = try MetadataDocument.seed(Array(text.utf8), from: "a seed")
      Issue.record("it was taken")
    } catch {
      #expect(error.description.contains(reason), "\(error)")
    }
  }

  @Test("bytes without sense end in an answer or a reason")
  func noise() {
    var generator = SystemRandomNumberGenerator()
    let words = [
      "public-keys:", "instance-id: ", "\n", "- ", "\"", "'", "[", "{", ":", " ", "\\u", "é",
    ]
    for _ in 0..<2000 {
      let text = (0..<12).compactMap { _ in words.randomElement(using: &generator) }.joined()
      _ = try? SeedDocument(Array(text.utf8))
    }
  }
}
