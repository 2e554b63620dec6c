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

    init(_ text: [UInt8]) {
      let word = { (start: Int) in text.dropFirst(start).prefix(8).bigEndianNumber }
      words = (word(0), word(8), word(16))
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
    guard let entry = entries[Name(text)], entry.holder == holder,
      VerifiedTokens.areEqual(entry.text, text)
    else { return nil }
    return entry.token
  }

  mutating func keep(_ text: [UInt8], of holder: TokenHolder, _ token: SessionToken) {
    // Whoever is thrown out pays one decryption.
    if entries.count >= Limits.maximumVerifiedTokens { removeAll() }
    entries[Name(text)] = Entry(text: text, holder: holder, token: token)
  }

  mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  /// Compares in a time that does not depend on where the texts differ.
  private static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
