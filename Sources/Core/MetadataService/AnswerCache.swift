import Inventory
import Synchronization

/// Answers that would come out the same again.
///
/// An answer to a GET follows from who asks, what for, the version of the instance that has the
/// address, and the day. While these stay, the bytes stay, save for the random seed, which is put in
/// fresh each time. What the version of an instance is, and so what is still true, the catalogue says.
///
/// What is asked for the second time is kept: most of what a guest asks at its boot it asks once.
final class AnswerCache: Sendable {
  struct Key: Hashable {
    let network: NetworkID?
    let source: IPAddress
    /// An answer that one MAC may have is not another's.
    let mac: MACAddress?
    let isMACUnresolved: Bool
    let target: [UInt8]

    /// By what tells most keys apart: few networks have the same addresses, and few guests two MACs.
    func hash(into hasher: inout Hasher) {
      hasher.combine(source)
      // At once, where an array's own way is byte by byte.
      unsafe target.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }
  }

  /// Who may have a kept answer, and what their asking counts for.
  struct Terms: Sendable {
    let holder: TokenHolder
    let needsToken: Bool
    let tally: TokenlessRequests.Tally
  }

  /// An object, so that a look at it counts one reference and not each of its parts'.
  private final class Entry: Sendable {
    let answer: GuestAnswer
    let version: Catalog.Version
    let terms: Terms
    /// Where the base64 of the random seed starts in the body, if there is one.
    let seedOffset: Int?

    init(
      answer: GuestAnswer, version: Catalog.Version, terms: Terms, seedOffset: Int?
    ) {
      self.answer = answer
      self.version = version
      self.terms = terms
      self.seedOffset = seedOffset
    }
  }

  private struct State {
    var today = ""
    var entries: [Key: Entry] = [:]
    var bytes = 0
    /// Hashes of keys that were asked for before; each has one place.
    var asked = [Int](repeating: 0, count: maximumEntries)

    /// Whether a key was asked for before, as far as that is remembered.
    mutating func isAskedAgain(_ key: Key) -> Bool {
      let hash = key.hashValue
      let place = hash & (asked.count - 1)
      defer { asked[place] = hash }
      return asked[place] == hash
    }
  }

  /// A rack's guests with a boot's documents each, at a few KiB. A power of two.
  private static let maximumEntries = 16_384
  private static let maximumBytes = 64 * 1024 * 1024

  private let state = Mutex(State())

  /// The answer as it would be given now.
  /// - Parameters:
  ///   - version: That of the instance that has the address now.
  ///   - seeds: Gives the fresh seed.
  ///   - admits: Whether the request that is asked for meets the terms. Where it does not, whoever
  ///     renders answers anew finds the reason.
  func answer(
    _ key: Key, version: Catalog.Version, today: String, seeds: RandomSeeds,
    admits: (Terms) -> Bool
  ) -> GuestAnswer? {
    let entry = state.withLock { state -> Entry? in
      guard state.today == today, let entry = state.entries[key], entry.version == version else {
        return nil
      }
      return entry
    }
    guard let entry, admits(entry.terms) else { return nil }
    var answer = entry.answer
    if let offset = entry.seedOffset { seeds.write(into: &answer.body, at: offset) }
    return answer
  }

  /// Keeps an answer that was just rendered.
  /// - Parameter seed: The random bytes that it was rendered with; empty where it has none.
  func keep(
    _ answer: GuestAnswer, _ key: Key, on terms: Terms, version: Catalog.Version, today: String,
    seed: [UInt8]
  ) {
    guard state.withLock({ $0.entries[key] != nil || $0.isAskedAgain(key) }) else { return }
    var offset: Int?
    if !seed.isEmpty {
      offset = AnswerCache.offset(of: Base64.encodedBytes(seed), in: answer.body)
      guard offset != nil else { return }
    }
    let entry = Entry(answer: answer, version: version, terms: terms, seedOffset: offset)
    let old = state.withLock { state -> [Key: Entry] in
      let isFull =
        state.entries.count >= AnswerCache.maximumEntries
        || state.bytes + answer.body.count > AnswerCache.maximumBytes
      var old: [Key: Entry] = [:]
      if state.today != today || isFull {
        swap(&old, &state.entries)
        state.bytes = 0
        state.today = today
      }
      let previous = state.entries.updateValue(entry, forKey: key)
      state.bytes += answer.body.count - (previous?.answer.body.count ?? 0)
      return old
    }
    // Many are let go of outside the lock.
    withExtendedLifetime(old) {}
  }

  /// Where the text stands, if it stands there once.
  private static func offset(of text: [UInt8], in body: [UInt8]) -> Int? {
    guard let first = text.first, text.count == RandomSeeds.seedLetters, body.count >= text.count
    else {
      return nil
    }
    let places = (0...(body.count - text.count)).filter {
      body[$0] == first && body[$0..<($0 + text.count)].elementsEqual(text)
    }
    return places.count == 1 ? places[0] : nil
  }
}
