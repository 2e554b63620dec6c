import Crypto
import Inventory
import Testing

@testable import MetadataService

@Suite("A session token's form")
struct SessionTokenTests {
  static let key = SymmetricKey(data: [UInt8](repeating: 7, count: TokenKey.secretBytes))
  static let token = SessionToken(
    keyID: 0xA1B2_C3D4_E5F6, issuedAtSeconds: 1000, expiresAtSeconds: 1060)

  static func holder(
    _ id: UInt64 = 1, created: Int = 5, network: String? = "a", source: IPAddress = .v4(0x0A00_0005)
  ) throws -> TokenHolder {
    let document = """
      {"kind": "Instance", "id": "\(InstanceID(upper: 0x4000, lower: 2 << 62 | id))", "hostname": "h"}
      """
    let record = Record(
      resource: try Resource(reading: try JSONValue(parsing: document)), revision: 1,
      createdAtSeconds: created)
    let catalog = Catalog(InventorySnapshot(revision: 1, records: [record]))
    let view = try #require(catalog.view(of: InstanceID(upper: 0x4000, lower: 2 << 62 | id)))
    return TokenHolder(
      view,
      GuestRequest(
        Question(method: .get, target: []), network: network.flatMap { NetworkID($0) },
        source: source))
  }

  static func sealed(_ nonce: UInt8 = 0) throws -> [UInt8] {
    try #require(
      token.sealed(
        with: key, for: try holder(),
        nonce: (0..<SessionToken.nonceBytes).map { nonce &+ UInt8($0) &* 31 }))
  }

  static func open(_ text: [UInt8], _ holder: TokenHolder? = nil) throws -> SessionToken? {
    SessionToken.Sealed(text)?.opened(with: key, for: try holder ?? self.holder())
  }

  @Test("what was sealed opens, and no text is longer than the limit")
  func opens() throws {
    let text = try Self.sealed()
    #expect(try Self.open(text) == Self.token)
    #expect(text.count == SessionToken.characters)
    #expect(text.count <= Limits.maximumSessionTokenBytes)
    #expect(SessionToken.Sealed(text)?.keyID == Self.token.keyID)
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    #expect(text.allSatisfy(letters.contains))
  }

  @Test("no changed bit of a token opens", arguments: [UInt8(0), 77, 200])
  func flippedBits(nonce: UInt8) throws {
    let text = try Self.sealed(nonce)
    for index in text.indices {
      for bit in 0..<8 {
        var changed = text
        changed[index] ^= 1 << UInt8(bit)
        #expect(try Self.open(changed) == nil, "byte \(index), bit \(bit)")
      }
    }
  }

  @Test("no token that was cut short, lengthened or put together from two opens")
  func cut() throws {
    let (text, other) = (try Self.sealed(), try Self.sealed(9))
    for length in 0..<text.count {
      #expect(try Self.open(Array(text.prefix(length))) == nil)
      #expect(try Self.open(Array(text.suffix(length))) == nil)
      let joined = Array(text[..<length]) + Array(other[length...])
      if joined != other { #expect(try Self.open(joined) == nil) }
    }
    for more in ["A", "=", "==", "AAAA", "\0", " "] {
      #expect(try Self.open(text + Array(more.utf8)) == nil)
      #expect(try Self.open(Array(more.utf8) + text) == nil)
    }
  }

  @Test("a token opens for its holder alone")
  func holders() throws {
    let text = try Self.sealed()
    let others = [
      try Self.holder(2), try Self.holder(created: 6), try Self.holder(network: "b"),
      try Self.holder(network: nil), try Self.holder(source: .v4(0x0A00_0006)),
      try Self.holder(source: .v6(0, 0x0A00_0005)),
    ]
    for other in others { #expect(try Self.open(text, other) == nil) }
    #expect(Set(others.map(\.bytes)).count == others.count)
    let stranger = SymmetricKey(data: [UInt8](repeating: 8, count: TokenKey.secretBytes))
    #expect(SessionToken.Sealed(text)?.opened(with: stranger, for: try Self.holder()) == nil)
  }

  @Test("whatever bytes are sent, nothing opens and nothing traps")
  func noise() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<5000 {
      let count = Int.random(in: 0...Limits.maximumSessionTokenBytes, using: &generator)
      let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      #expect(try Self.open(noise) == nil)
      let letters = Base64URL.encode((0..<51).map { _ in .random(in: 0...255) }) ?? []
      #expect(try Self.open(letters) == nil)
    }
  }

  @Test("base64url gives every group of bytes back", arguments: [0, 3, 51, 96])
  func base64(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 151) }
    #expect(Base64URL.encode(bytes).flatMap(Base64URL.decode) == bytes)
  }
}
