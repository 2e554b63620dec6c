import FoundationEssentials

/// Encrypts for an RSA key as `nova get-password` and `openssl rsautl -decrypt` undo it: PKCS #1
/// v1.5 (RFC 8017, 7.2), then base64. OAEP would be better, and nobody could read it.
enum RSAEncryption {
  static func encrypt(_ bytes: [UInt8], for key: PublicKey, state: String) throws(AgentError)
    -> [UInt8]
  {
    guard let tool = Command.find("openssl") else {
      throw AgentError("openssl is not installed: it encrypts the password")
    }
    let folder = try StateFolder.open(state)
    let file = "password-key.der"
    let stamp = try folder.read(file, limit: Bounds.keyBytes)?.stamp
    try folder.replace(file, with: try subjectPublicKey(key), mode: 0o600, expecting: stamp)
    let result = try Command.run(
      [
        tool, "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "\(state)/\(file)",
        "-pkeyopt", "rsa_padding_mode:pkcs1",
      ], input: bytes)
    try folder.remove(file)
    guard result.status == 0, !result.output.isEmpty else {
      throw AgentError("openssl cannot encrypt for \(key.name)")
    }
    return Array(Data(result.output).base64EncodedString().utf8)
  }

  /// The key as OpenSSL reads it: SubjectPublicKeyInfo in DER (RFC 5280, RFC 8017 A.1.1).
  static func subjectPublicKey(_ key: PublicKey) throws(AgentError) -> [UInt8] {
    var fields = BlobReader(key.blob)
    guard fields.next() == Array("ssh-rsa".utf8)[...] else {
      throw AgentError("\(key.name) is no RSA key")
    }
    let parts = try RSAParts(&fields)
    let numbers = der(0x30, number(parts.modulus) + number(parts.exponent))
    // OID 1.2.840.113549.1.1.1, rsaEncryption, and NULL.
    let algorithm: [UInt8] = [
      0x30, 13, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0,
    ]
    return der(0x30, algorithm + der(3, [0] + numbers))
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let isNegative = (bytes.first ?? 0) >= 0x80
    return der(2, (isNegative ? [0] : []) + Array(bytes))
  }

  private static func der(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    guard content.count >= 0x80 else { return [tag, UInt8(content.count)] + content }
    var length: [UInt8] = []
    var rest = content.count
    while rest > 0 {
      length.insert(UInt8(rest & 0xFF), at: 0)
      rest >>= 8
    }
    return [tag, 0x80 | UInt8(length.count)] + length + content
  }
}
