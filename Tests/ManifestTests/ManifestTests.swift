import Inventory
import Manifest
import OrderedCollections
import Testing

/// The findings of a text, one a line.
func findings(_ text: String, name: String = "web.yaml", readFile: ManifestFileReader? = nil)
  -> String
{
  do {
    _ = try readManifest(text: text, name: name, readFile: readFile)
    return ""
  } catch {
    return error.description
  }
}

@Suite("Manifests")
struct ManifestTests {
  @Test("documents come in the file's order with their lines; empty ones are skipped")
  func example() throws {
    let entries = try readManifest(text: try fixture("example"), name: "example.yaml")
    #expect(entries.map(\.resource.kind) == [.instance, .network, .keyPair, .instance])
    #expect(entries.map(\.line) == [2, 19, 27, 32])
    #expect(entries.map(\.madeID) == [true, false, false, false])
    #expect(entries.map { $0.document["id"] != nil } == [false, true, false, true])
    let instance = try #require(entries.first?.resource.instance)
    #expect(instance.metadata["build"] == "0042")
    #expect(instance.keys.count == 2)
  }

  @Test("a wrong field is told with file, line and field")
  func lines() {
    let text = """
      kind: Instance
      hostname: web
      interfaces:
      - address: 192.0.2.1
      - address: 192.0.2.2
        mac: nonsense
      """
    #expect(findings(text).hasPrefix("web.yaml:6: interfaces[1].mac: 'nonsense' is not a MAC"))
  }

  @Test(
    "each mistake is told where it is",
    arguments: [
      ("kind: Instance\n", "web.yaml:1: hostname: is required"),
      ("\n\nkind: Thing\n", "web.yaml:3: kind: 'Thing' is not one of"),
      ("kind: Network\nid: a\nmut: 5\n", "web.yaml:3: mut: is not a field that is known here"),
      ("kind: Network\nid: a\nmtu: no\n", "web.yaml:3: mtu: must be a whole number"),
      ("kind: Network\nid: a\ninjected: yes\n", "web.yaml:3: injected: must be true or false"),
      (
        "kind: Network\nid: 42\n", "web.yaml:2: id: must be a string, not a number; put it in quote"
      ),
      ("kind: Instance\nhostname: 1e3\n", "web.yaml:2: hostname: must be a string, not a number"),
      (
        "kind: Instance\nhostname: a\nmetadata:\n  x.y: z\n  a.b: [1]\n",
        "web.yaml:5: metadata.a.b: must be a string, not a list"
      ),
      ("- a\n- b\n", "web.yaml:1: a document must be a map, not a list"),
      ("just text\n", "web.yaml:1: a document must be a map, not a string"),
      ("kind: Network\nid: a\nid: b\n", "web.yaml:2: the key 'id' is there twice"),
      ("kind: Network\n1: a\n'1': b\n", "web.yaml:3: the key '1' is there twice"),
      ("kind: Network\nid: [a\n", "web.yaml:3: is not YAML:"),
      ("kind: Network\n\tid: a\n", "web.yaml:2: is not YAML:"),
      ("kind: \"Network\n", "web.yaml:2: is not YAML:"),
      ("a: *nobody\n", "web.yaml:1: is not YAML: found undefined alias"),
      ("base: &b {x: 1}\n<<: *b\n", "web.yaml:2: merge keys (<<) are not read"),
      ("? [a]\n: b\n", "web.yaml:1: a key must be a word"),
      (
        "kind: Network\nid: a\n---\nkind: Network\nid: a\n",
        "web.yaml:4: Network a is declared twice, first in line 1"
      ),
    ])
  func mistakes(_ text: String, _ finding: String) {
    #expect(findings(text).hasPrefix(finding), "\(findings(text))")
  }

  @Test("all mistakes of a file are told at once, as far as the bound goes")
  func several() {
    let one = "kind: Network\nid: A\n---\n"
    let two = findings(one + one)
    #expect(two.split(separator: "\n").count == 2)
    let full = findings(String(repeating: one, count: ManifestError.maximumIssues))
    #expect(full.split(separator: "\n").count == ManifestError.maximumIssues)
    let more = findings(String(repeating: one, count: 100))
    #expect(more.split(separator: "\n").count == ManifestError.maximumIssues + 1)
    #expect(more.hasSuffix("… and more; these are the first 20"))
  }

  @Test("JSON is read as JSON, whole or one document a line")
  func json() throws {
    let one = #"{"kind": "Network", "id": "a", "name": "\ud83d\ude80 \/"}"#
    let entry = try #require(try readManifest(text: "\n\(one)\n", name: "a.json").first)
    #expect(entry.line == 2)
    #expect(entry.resource.name == "🚀 /")
    let two = try readManifest(
      text: "\(one)\r\n\n" + #"{"kind": "Network", "id": "b"}"#, name: "a.ndjson")
    #expect(two.map(\.line) == [1, 3])
    let broken =
      "{\n  \"kind\": \"Network\",\n  \"id\": \"a\",\n  \"subnets\": [\n    {\"cidr\": 5}]}"
    #expect(findings(broken).hasPrefix("web.yaml:5: subnets[0].cidr: must be a string"))
    #expect(findings("\(one)\n{\"kind\": ").hasPrefix("web.yaml:2: "))
    #expect(findings("{kind: Network, id: A}").hasPrefix("web.yaml:1: id: "))
  }

  @Test("an empty text declares nothing")
  func empty() throws {
    for text in ["", "\n", "---\n---\n", "# nothing\n", "~\n"] {
      #expect(try readManifest(text: text, name: "a").isEmpty)
    }
  }

  @Test("user data is read from beside the manifest")
  func userDataFile() throws {
    let text = "kind: Instance\nhostname: a\nuserDataFile: init/web.sh\n"
    let entries = try readManifest(text: text, name: "a.yaml") {
      (path, limit) throws(ManifestFileError) in
      #expect(path == "init/web.sh")
      #expect(limit == Limits.maximumUserDataBytes)
      return Array("#!/bin/sh\n".utf8)
    }
    #expect(entries.first?.resource.instance?.userData?.revealed == Array("#!/bin/sh\n".utf8))
  }

  @Test(
    "a user data file that cannot be is refused in its line",
    arguments: [
      "userDataFile: /etc/shadow", "userDataFile: ../secret", "userDataFile: a/../../b",
      "userDataFile: ''", "userDataFile: [a]", "userDataFile: x\nuserData: y",
      "userDataFile: x\nuserDataBase64: eQ==", "userDataFile: missing", "userDataFile: huge",
    ])
  func userDataFileRefused(_ fields: String) {
    let text = "kind: Instance\nhostname: a\n\(fields)\n"
    let finding = findings(text) { (path, limit) throws(ManifestFileError) in
      guard path == "huge" else { throw ManifestFileError(message: "does not exist") }
      return Array(repeating: 0, count: limit + 1)
    }
    #expect(finding.hasPrefix("web.yaml:3: userDataFile: "), "\(finding)")
    #expect(findings("kind: Instance\nhostname: a\nuserDataFile: x\n").contains("userDataFile"))
  }
}
