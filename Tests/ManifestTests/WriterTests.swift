import Inventory
import Manifest
import OrderedCollections
import Testing

@Suite("Writing manifests")
struct WriterTests {
  @Test("what is written reads back the same", arguments: ["example", "manifest"])
  func roundTrip(_ name: String) throws {
    let documents = try readDocuments(text: try fixture(name), name: name).map(\.value)
    let text = ManifestWriter.text(documents)
    #expect(try readDocuments(text: text, name: name).map(\.value) == documents)
  }

  @Test("resources read back the same", arguments: ["example", "manifest"])
  func resources(_ name: String) throws {
    let entries = try readManifest(text: try fixture(name), name: name)
    let text = ManifestWriter.text(entries.map(\.resource.value))
    let again = try readManifest(text: text, name: name)
    #expect(again.map(\.resource) == entries.map(\.resource))
  }

  @Test(
    "any string reads back, as a value, a key, in a list and alone",
    arguments: [
      "", " ", "a", " a", "a ", "a b", "no", "Yes", "null", "~", "true", "0042", "1", "1.0", "1e3",
      "0x1f", "1:30", "2001-12-14", "-", "- a", "--- a", "---", "...", "#", "a #b", "a: b", "a:",
      ":", "?", "? a", "*a", "&a", "!a", "%a", "@a", "`a", "'", "\"", "a'b\"c\\", "{a}", "[a]", "|",
      ">", "a\nb", "a\n", "\na", "a\n\n", "a\n\n\nb", " a\nb", "a\n b\n", "a\n \nb", "a\n\t\nb",
      "\ta\nb", "a\tb", "a\r\nb", "a\rb", "#!/bin/sh\necho hi\n", "---\na\n...\n", "é", "🚀 café\nü",
      "\u{0}", "\u{7}", "\u{85}", "\u{2028}", "a\u{2029}b\n", "\u{FEFF}", "\u{FEFF}#!\n\u{FEFF}",
      "a\u{FEFF}\u{E000}", "\u{FFFE}", "\u{10FFFF}",
      "<<", "=", "y", "N", "fe80::1", "2001:db8::", "::", "10.0.0.1", "fa:16:3e:9c:bf:3d",
      "6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21", "10.20.0.0/24", "key: |\n  x", "a\n# b\n", "\n",
      "\n\n",
      "x\n\n\n", "e\u{301}\n", "\n\u{301}a\nb",
    ])
  func strings(_ text: String) throws {
    let string = JSONValue.string(text)
    let document: JSONValue = [
      "value": string, "list": [string, [string, "z"], ["k": string, "l": 1]],
      "map": .object([text: string, "last": true]), "end": string,
    ]
    #expect(try value(ManifestWriter.text(document)) == document)
    let both = ManifestWriter.text([["a": string], ["b": string]])
    #expect(
      try readDocuments(text: both, name: "t").map(\.value) == [["a": string], ["b": string]])
  }

  @Test("a key of any length reads back", arguments: [998, 999, 1000, 1001, 1024, 1025, 5000])
  func longKeys(_ length: Int) throws {
    for letter in ["k", "\u{FFFD}", "\n"] {
      let key = String(repeating: letter, count: length)
      let document: JSONValue = .object([
        key: "v", "map": .object([key: .object([key: ["a", .object([key: 1, "b": 2])]])]),
      ])
      #expect(try value(ManifestWriter.text(document)) == document)
    }
  }

  @Test("any other value reads back")
  func values() throws {
    let document: JSONValue = [
      "empty": [[:], [], .null], "deep": [[[[1, 2], []], ["a": [["b": [:]]]]]],
      "numbers": [0, -1, .number(try #require(JSONNumber(1e22))), 123_456_789_012_345_678],
      "flags": [true, false],
    ]
    #expect(try value(ManifestWriter.text(document)) == document)
  }

  @Test("the text is what a person would write")
  func style() throws {
    let document: JSONValue = [
      "kind": "Instance", "id": "6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21", "hostname": "web-01",
      "userData": "#!/bin/sh\necho hi\n", "metadata": ["build": "0042", "spoken": "no"],
      "interfaces": [["network": "net-a", "addresses": [["ip": "10.20.0.15"]]]],
    ]
    let text = """
      kind: Instance
      id: 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
      hostname: web-01
      userData: |
        #!/bin/sh
        echo hi
      metadata:
        build: "0042"
        spoken: "no"
      interfaces:
      - network: net-a
        addresses:
        - ip: 10.20.0.15

      """
    #expect(ManifestWriter.text(document) == text)
  }
}
