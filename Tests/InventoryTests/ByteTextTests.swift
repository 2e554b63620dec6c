import Testing

@testable import Inventory

@Suite("Texts that lie in a block")
struct ByteTextTests {
  /// A text with others before and behind it.
  static func inBlock(_ bytes: [UInt8]) -> ByteText {
    ByteText([0xFF, 0x22] + bytes + [0x5C, 0xFF], in: 2..<(2 + bytes.count))
  }

  static let texts = [
    "", "a", "plain", "exactly8", "more than eight letters", "with \"quotes\" and \\",
    "tab\tline\n",
    "\u{7F}", "ü", "x😀y", "\u{0}", "longer text with an ü in it", "last letter is a quote\"",
  ]

  @Test("are written as a String of the same letters is", arguments: texts)
  func documents(_ text: String) {
    let packed = Self.inBlock(Array(text.utf8))
    let own = JSONWriter.bytes { json in
      json.object { json in
        json.put("a", packed)
        json.put("b", packed)
        json.put(named: packed, "plain")
        json.put("plain", packed)
        json.put(named: packed, packed)
        json.put("none", nil as ByteText?)
      }
    }
    let other = JSONWriter.bytes { json in
      json.object { json in
        json.put("a", text)
        json.put("b", text)
        json.key(text)
        json.put("plain" as String)
        json.put("plain", text)
        json.key(text)
        json.put(text)
        json.put("none", nil as String?)
      }
    }
    #expect(own == other)
    #expect(packed.string == text && packed.description == text)
    #expect(packed.bytes == Array(text.utf8) && packed.count == text.utf8.count)
    #expect(packed == ByteText(text))
  }

  @Test("are read as UTF-8, whatever is there")
  func notUTF8() {
    let bytes = JSONWriter.bytes { $0.put(Self.inBlock([0x61, 0xFF, 0xC3, 0x62])) }
    #expect(bytes == Array(#""a\ufffd\ufffdb""#.utf8))
  }

  @Test(
    "end where their block does",
    arguments: [(0..<9, "abc"), (2..<9, "c"), (3..<3, ""), (7..<9, "")])
  func clamping(_ place: Range<Int>, _ text: String) {
    #expect(ByteText(Array("abc".utf8), in: place).string == text)
  }

  @Test(
    "have no blanks at their ends where they are trimmed, as a String has none",
    arguments: [
      "", " ", "a", " a b\t", "\r\n\u{B}\u{C}a\n", "\u{A0}a", "a\u{2003}", " \u{A0} ü \u{3000} ",
      "\u{1}a\u{1F}", "\u{7F}", "\u{85}a",
    ])
  func trimming(_ text: String) {
    #expect(Self.inBlock(Array(text.utf8)).trimmed.bytes == Array(text.trimmed.utf8))
  }

  @Test("are the same where a reader sees the same letters")
  func equality() {
    #expect(ByteText("e\u{301}") == ByteText("é"))
    // The sign of the unit Kelvin.
    #expect(ByteText("\u{212A}") == "K")
    #expect(ByteText("K") != "k" && ByteText("a") != "ab" && ByteText("") != "a")
  }

  @Test("are joined with something between each two")
  func joining() {
    let part = Self.inBlock(Array("b".utf8))
    #expect(ByteText(joining: [], by: ", ") == "")
    #expect(ByteText(joining: [part], by: ", ") == "b")
    #expect(ByteText(joining: ["a", part, ""], by: ", ") == "a, b, ")
    #expect(ByteText(joining: ["a", part]) == "ab")
  }

  @Test(
    "a key's comment is what stands behind two words, where it can be a name",
    arguments: [
      ("ssh-rsa AAAA", "key-0"), ("ssh-rsa AAAA ", "key-0"), ("ssh-rsa AAAA me@host\n", "me@host"),
      ("  ssh-rsa   AAAA   two words ", "two words"), ("ssh-rsa AAAA ü", "ü"),
      ("ssh-rsa AAAA .", "key-0"), ("ssh-rsa AAAA ..", "key-0"), ("ssh-rsa AAAA a/b", "key-0"),
    ])
  func comments(_ key: String, _ name: ByteText) throws {
    var instance = Instance(id: InstanceID(upper: 0, lower: 1), hostname: "h")
    instance.keys = [.inline(name: nil, type: .ssh, publicKey: key)]
    let view = try Self.view(of: instance)
    #expect(view.keys.map(\.name) == [name])
    #expect(view.keys.map(\.publicKey.string) == [key])
    #expect(view.publicKey(at: 0)?.string == key && view.publicKey(at: 1) == nil)
  }

  private static func view(of instance: Instance) throws -> InstanceView {
    let record = Record(resource: .instance(instance), revision: 1, createdAtSeconds: 0)
    let catalog = Catalog(InventorySnapshot(revision: 1, records: [record]))
    return try #require(catalog.view(of: instance.id))
  }

  @Test("what is asked of interfaces most is what they say themselves")
  func facts() throws {
    let bare = NetworkInterface(network: .default, securityGroups: [], addresses: [])
    let first = NetworkInterface(
      id: "port", network: .default, device: "tap0", securityGroups: ["a", "b"],
      addresses: [
        FixedAddress(ip: .v6(0xFE80 << 48, 1), floatingIPs: [.v6(1, 2)]),
        FixedAddress(ip: .v4(10), floatingIPs: [.v4(20), .v4(21)]),
      ])
    let second = NetworkInterface(
      network: .default, mac: MACAddress(bits: 7), securityGroups: [],
      addresses: [FixedAddress(ip: .v4(11), floatingIPs: [])])
    for interfaces in [[], [bare], [first], [bare, second], [first, second], [second, first]] {
      var instance = Instance(id: InstanceID(upper: 0, lower: 1), hostname: "h")
      instance.interfaces = interfaces
      let packed = try Self.view(of: instance).instance
      let addresses = interfaces.flatMap(\.addresses)
      #expect(packed.firstMAC == interfaces.compactMap(\.mac).first)
      #expect(
        packed.firstAddress(where: \.isIPv4) == addresses.map(\.ip).first(where: \.isIPv4))
      #expect(packed.firstAddress { _ in true } == addresses.first?.ip)
      #expect(
        packed.firstFloatingIP(where: \.isIPv4)
          == addresses.flatMap(\.floatingIPs).first(where: \.isIPv4))
    }
  }

  @Test("bytes that no writer has written are refused, or read as something")
  func malformed() {
    var generator = SplitMix(state: 42)
    for turn in 0..<20_000 {
      // Mostly small numbers, so that counts fit now and then.
      let bytes = (0..<(turn % 25)).map { _ in
        UInt8.random(in: 0...(generator.next() % 4 == 0 ? 255 : 6), using: &generator)
      }
      Self.read(bytes) { reader throws(ByteReader.Malformed) in
        _ = try PackedKey(unpacking: &reader)
      }
      Self.read(bytes) { reader throws(ByteReader.Malformed) in
        _ = try NetworkInterface(unpacking: &reader)
      }
      Self.read(bytes) { reader throws(ByteReader.Malformed) in
        _ = try NetworkInterface.firstFact(unpacking: &reader) { _ in nil as Never? }
      }
      Self.read(bytes) { reader throws(ByteReader.Malformed) in
        _ = try Device(unpacking: &reader)
      }
    }
  }

  private static func read(
    _ bytes: [UInt8], _ body: (inout ByteReader) throws(ByteReader.Malformed) -> Void
  ) {
    var reader = ByteReader(bytes, in: 0..<bytes.count)
    do throws(ByteReader.Malformed) {
      try body(&reader)
    } catch {}
  }
}
