import Crypto
import Inventory

@testable import MetadataService

/// A line with a token's time to live, then a token's text, which is also what to change in a good
/// one. No text opens but the one that was sealed, and for nobody but whom it was sealed for.
func fuzzTokens(_ input: [UInt8]) {
  let parts = input.split(separator: 0x0A, maxSplits: 1, omittingEmptySubsequences: false)
  let (ttl, text) = (Array(parts[0]), parts.count > 1 ? Array(parts[1]) : [])
  checkSeconds(ttl)
  checkText(text)
  checkText(changed(sealed, by: text))
  checkHolders(text)
  for way in TokenWay.all {
    checkMadeUp(text, way)
    checkIssued(ttl, changes: text, way)
  }
}

private func checkSeconds(_ ttl: [UInt8]) {
  let text = String(decoding: ttl, as: UTF8.self)
  let isPlain =
    ttl.count <= Limits.maximumTokenTTLBytes && ttl.allSatisfy { (0x30...0x39).contains($0) }
  let wanted = isPlain ? Int(text).flatMap { (1...21_600).contains($0) ? $0 : nil } : nil
  expectEqual(TokenRule.seconds(ttl), wanted, "the seconds of '\(text)'")
}

// MARK: Texts

private let key = SymmetricKey(data: [UInt8](repeating: 7, count: TokenKey.secretBytes))
private let otherKey = SymmetricKey(data: [UInt8](repeating: 8, count: TokenKey.secretBytes))
private let token = SessionToken(
  keyID: 0xA1B2_C3D4_E5F6, issuedAtSeconds: 1000, expiresAtSeconds: 1060)
private let holder = tokenHolder(network: "a")

private let sealed =
  token.sealed(
    with: key, for: holder, nonce: [UInt8](repeating: 1, count: SessionToken.nonceBytes)) ?? []

private func tokenHolder(network: String?, source: IPAddress = World.address) -> TokenHolder {
  TokenHolder(
    World.views[0],
    GuestRequest(
      Question(method: .get, target: []), network: network.flatMap { NetworkID($0) },
      source: source))
}

private func checkText(_ text: [UInt8]) {
  guard let read = SessionToken.Sealed(text) else {
    expect(text != sealed, "a good token is none")
    return
  }
  expect(text.count <= Limits.maximumSessionTokenBytes, "a token of \(text.count) bytes")
  expectEqual(
    Base64URL.decode(text).flatMap(Base64URL.encode), text, "a token has a second text")
  expectEqual(
    read.opened(with: key, for: holder), text == sealed ? token : nil, "what a text opens as")
  expect(read.opened(with: otherKey, for: holder) == nil, "another key opens it")
}

/// - Parameter pairs: Pairs of bytes: where, and which bits.
private func changed(_ text: [UInt8], by pairs: [UInt8]) -> [UInt8] {
  var text = text
  var rest = pairs[...]
  while !text.isEmpty, let place = rest.popFirst(), let bits = rest.popFirst() {
    text[Int(place) % text.count] ^= bits
  }
  return text
}

private func checkHolders(_ name: [UInt8]) {
  let network = String(decoding: name, as: UTF8.self)
  let address = IPAddress.v4(UInt32(truncatingIfNeeded: name.bigEndianNumber))
  for other in [
    tokenHolder(network: network), tokenHolder(network: network, source: address),
    tokenHolder(network: nil), tokenHolder(network: "a", source: address),
  ] {
    expectEqual(other.bytes == holder.bytes, other == holder, "two holders have the same bytes")
    expectEqual(
      SessionToken.Sealed(sealed)?.opened(with: key, for: other), other == holder ? token : nil,
      "what another holder's token opens as")
  }
}

// MARK: Requests

/// A path that tokens are given at, and the fields that go with it.
private struct TokenWay {
  let path: String
  let field: String

  static let all = [
    TokenWay(path: "/latest/api/token", field: "X-aws-ec2-metadata-token"),
    TokenWay(path: "/openstack/latest/api/token", field: "X-Metadata-Token"),
  ]

  /// A request for a token; nil for what is no request.
  func asking(_ ttl: [UInt8]) -> GuestRequest? {
    guestRequest("PUT \(path)", "\(field)-TTL-Seconds", ttl)
  }

  func showing(_ text: [UInt8]) -> GuestRequest? {
    guestRequest("GET /latest/meta-data/hostname", field, text)
  }
}

/// A token that nobody was given is refused, whatever it is.
private func checkMadeUp(_ text: [UInt8], _ way: TokenWay) {
  guard let request = way.showing(text), request.fields.sessionToken != nil else { return }
  // A body that the text has made is none of a GET's business.
  expectEqual(World.answer(to: request).status, 401, "a token that was made up")
}

/// A token is given for the right time and nothing else, and is good for who asked.
private func checkIssued(_ ttl: [UInt8], changes: [UInt8], _ way: TokenWay) {
  guard let asking = way.asking(ttl) else { return }
  let seconds = TokenRule.seconds(asking.fields.tokenTTL)
  let answer = World.answer(to: asking)
  guard let seconds, !asking.fields.isForwarded else {
    expectEqual(answer.status, asking.fields.isForwarded ? 403 : 400, "no token is asked for")
    return
  }
  expect(answer.status == 200, "no token for \(seconds) s: \(answer.status)")
  expectEqual(answer.token?.ttlSeconds, seconds, "the time to live that is told")
  guard var request = way.showing(answer.body) else {
    expect(false, "a token cannot be shown")
    return
  }
  expectEqual(request.fields.sessionToken, answer.body, "a token arrives changed")
  expectEqual(World.answer(to: request).status, 200, "a good token")
  let others = GuestRequest(request.question, network: nil, source: World.otherAddress)
  expectEqual(World.answer(to: others).status, 401, "a good token, shown by another instance")
  var fields = request.fields
  fields.sessionToken = changed(answer.body, by: changes)
  request = GuestRequest(
    Question(method: request.method, target: request.target, fields: fields), network: nil,
    source: World.address)
  let isWhole = fields.sessionToken == answer.body
  expectEqual(World.answer(to: request).status, isWhole ? 200 : 401, "a token that was changed")
}
