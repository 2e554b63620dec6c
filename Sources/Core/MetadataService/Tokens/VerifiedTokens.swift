import Inventory

/// Tokens that were opened before, so that a token costs its decryption once.
///
/// Only what a holder was given gets in, so a guest that guesses fills nothing.
struct VerifiedTokens {
  private struct Entry {
    let text: [UInt8]
    let holder: TokenHolder
    let token: SessionToken
  }

  /// The front of a token's text: its key and most of its nonce, nothing secret.
  private struct Name: Hashable {
    let words: (UInt64, UInt64, UInt64)

    /// Nil for a text that is no token's.
    init?(_ text: [UInt8]) {
      guard text.count == SessionToken.characters else { return nil }
      words = unsafe text.withUnsafeBytes { bytes in
        unsafe (
          bytes.loadUnaligned(as: UInt64.self),
          bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
          bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        )
      }
    }

    static func == (left: Name, right: Name) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
      hasher.combine(words.0)
      hasher.combine(words.1)
      hasher.combine(words.2)
    }
  }

  private var entries: [Name: Entry] = [:]

  func token(_ text: [UInt8], of holder: TokenHolder) -> SessionToken? {
    guard let name = Name(text), let entry = entries[name], entry.holder == holder,
      VerifiedTokens.areEqual(entry.text, text)
    else { return nil }
    return entry.token
  }

  mutating func keep(_ text: [UInt8], of holder: TokenHolder, _ token: SessionToken) {
    guard let name = Name(text) else { return }
    // Whoever is thrown out pays one decryption.
    if entries.count >= Limits.maximumVerifiedTokens { removeAll() }
    entries[name] = Entry(text: text, holder: holder, token: token)
  }

  mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  /// Compares in a time that does not depend on where the texts differ.
  private static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    let (left, right) = (left.span, right.span)
    var difference: UInt8 = 0
    for index in left.indices { difference |= left[index] ^ right[index] }
    return difference == 0
  }
}
