// Crypto is pure computation, as all of Core is: no clock, no files, no sockets.
import Crypto
import Inventory

/// A session token's content, and its form as guests send it.
///
/// Nothing is kept of a token that was handed out. It is [version, key id, nonce, ciphertext, tag]
/// in base64url, where the ciphertext holds the two times below; its holder is authenticated with
/// it, so another guest's token does not open.
struct SessionToken: Sendable, Hashable {
  let keyID: UInt64
  /// Seconds since 1970.
  let issuedAtSeconds: Int
  let expiresAtSeconds: Int

  private static let version: UInt8 = 1
  private static let frontBytes = 1 + TokenKey.idBits / 8
  static let nonceBytes = 12
  private static let contentBytes = 16
  private static let tagBytes = 16
  private static let bytes = frontBytes + nonceBytes + contentBytes + tagBytes
  /// A multiple of three bytes needs no padding, so each token has one text only.
  static let characters = bytes / 3 * 4

  /// Seals a token.
  /// - Parameter nonce: ``nonceBytes`` random bytes. A key seals at most a day's tokens, far fewer
  ///   than it takes for two random nonces to meet.
  /// - Returns: Its text; nil only where the nonce has not its size.
  func sealed(with key: SymmetricKey, for holder: TokenHolder, nonce: [UInt8]) -> [UInt8]? {
    var front = [SessionToken.version]
    front.append(bigEndian: keyID, bytes: TokenKey.idBits / 8)
    var content: [UInt8] = []
    content.append(bigEndian: UInt64(bitPattern: Int64(issuedAtSeconds)))
    content.append(bigEndian: UInt64(bitPattern: Int64(expiresAtSeconds)))
    guard let nonce = try? AES.GCM.Nonce(data: nonce),
      let box = try? AES.GCM.seal(
        content, using: key, nonce: nonce, authenticating: front + holder.bytes)
    else { return nil }
    return Base64URL.encode(front + Array(nonce) + Array(box.ciphertext) + Array(box.tag))
  }

  /// A token as it was sent, which nothing is known of but its form.
  struct Sealed {
    let keyID: UInt64
    private let bytes: [UInt8]

    /// Nil where the text has not a token's form. Its size is judged before it is decoded.
    init?(_ text: [UInt8]) {
      guard text.count == SessionToken.characters, let bytes = Base64URL.decode(text),
        bytes.count == SessionToken.bytes, bytes.first == SessionToken.version
      else { return nil }
      self.bytes = bytes
      keyID = bytes.prefix(SessionToken.frontBytes).dropFirst().bigEndianNumber
    }

    /// The token's content; nil where it was not sealed with this key for this holder.
    func opened(with key: SymmetricKey, for holder: TokenHolder) -> SessionToken? {
      let front = Array(bytes.prefix(SessionToken.frontBytes))
      let rest = bytes.dropFirst(SessionToken.frontBytes)
      let sealed = rest.dropFirst(SessionToken.nonceBytes)
      // The tag is compared in constant time there.
      guard let nonce = try? AES.GCM.Nonce(data: rest.prefix(SessionToken.nonceBytes)),
        let box = try? AES.GCM.SealedBox(
          nonce: nonce, ciphertext: sealed.prefix(SessionToken.contentBytes),
          tag: sealed.dropFirst(SessionToken.contentBytes)),
        let content = try? AES.GCM.open(box, using: key, authenticating: front + holder.bytes),
        let issued = Int(exactly: Int64(bitPattern: content.prefix(8).bigEndianNumber)),
        let expires = Int(exactly: Int64(bitPattern: content.dropFirst(8).bigEndianNumber))
      else { return nil }
      return SessionToken(keyID: keyID, issuedAtSeconds: issued, expiresAtSeconds: expires)
    }
  }
}

/// RFC 4648's base64url without padding, of whole groups of three bytes.
enum Base64URL {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  private static let values: [UInt8?] = {
    var values = [UInt8?](repeating: nil, count: 256)
    for (value, letter) in alphabet.enumerated() {
      values[Int(letter)] = UInt8(truncatingIfNeeded: value)
    }
    return values
  }()

  static func encode(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count % 3 == 0 else { return nil }
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<(start + 3)].bigEndianNumber
      for shift in [18, 12, 6, 0] { text.append(alphabet[Int(group >> shift & 63)]) }
    }
    return text
  }

  static func decode(_ text: [UInt8]) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    for start in stride(from: 0, to: text.count, by: 4) {
      var group: UInt64 = 0
      for letter in text[start..<(start + 4)] {
        guard let value = values[Int(letter)] else { return nil }
        group = group << 6 | UInt64(value)
      }
      bytes.append(bigEndian: group, bytes: 3)
    }
    return bytes
  }
}
