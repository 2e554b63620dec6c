import Inventory
import Synchronization

/// Answers that would come out the same again.
///
/// An answer to a GET follows from who asks, what for, the version of the instance that has the
/// address, and the day. While these stay, the bytes stay, save for the random seed, which is put in
/// fresh each time. What the version of an instance is, and so what is still true, the catalogue says.
///
/// What is asked for the second time is kept: most of what a guest asks at its boot it asks once. Each
/// answer has a few places that it may be kept at; who comes there next takes one of them over.
final class AnswerCache: Sendable {
  struct Key: Sendable {
    let network: NetworkID?
    let source: IPAddress
    /// An answer that one MAC may have is not another's.
    let link: LinkFacts
    let target: [UInt8]

    init(_ request: GuestRequest) {
      network = request.network
      source = request.source
      link = request.link
      target = request.target
    }

    func isThat(of request: GuestRequest) -> Bool {
      source == request.source && network == request.network && link == request.link
        && target == request.target
    }
  }

  /// Where an answer would be kept, and what else it follows from.
  struct Slot: Sendable {
    fileprivate let hash: UInt64
    let version: Catalog.Version
    /// Since 1970.
    fileprivate let day: Int
  }

  /// Who may have a kept answer, and what their asking counts for.
  struct Terms: Sendable {
    let holder: TokenHolder
    let needsToken: Bool
    /// Counts requests that show no token, as of this kind.
    let tally: RequestTally
    let kind: Int
  }

  /// An object, so that a look at it counts one reference and not each of its parts'.
  private final class Entry: Sendable {
    let key: Key
    let slot: Slot
    let answer: GuestAnswer
    let terms: Terms
    /// Where the base64 of the random seed starts in the body, if there is one.
    let seedOffset: Int?

    init(key: Key, slot: Slot, answer: GuestAnswer, terms: Terms, seedOffset: Int?) {
      self.key = key
      self.slot = slot
      self.answer = answer
      self.terms = terms
      self.seedOffset = seedOffset
    }
  }

  private struct State {
    /// Hashes of the keys of what is kept, by place.
    var hashes = [UInt64](repeating: 0, count: maximumEntries)
    /// Those of keys that were asked for.
    var asked = RecentHashes(places: maximumEntries)
    var entries = [Entry?](repeating: nil, count: maximumEntries)
    var bytes = 0
    /// Which place of a set is taken over next.
    var next = 0

    func place(of hash: UInt64) -> Int? {
      let first = AnswerCache.set(of: hash)
      for place in first..<(first + placesOfSet) where hashes[place] == hash { return place }
      return nil
    }

    private func emptyPlace(in set: Int) -> Int? {
      for place in set..<(set + placesOfSet) where hashes[place] == 0 { return place }
      return nil
    }

    private mutating func takenPlace(for hash: UInt64) -> Int {
      next = (next + 1) % placesOfSet
      return AnswerCache.set(of: hash) + next
    }

    /// - Returns: What was there before.
    mutating func put(_ entry: Entry) -> Entry? {
      let hash = entry.slot.hash
      // Its own, or one that nobody has, or one of somebody's.
      let place =
        place(of: hash) ?? emptyPlace(in: AnswerCache.set(of: hash)) ?? takenPlace(for: hash)
      let old = entries[place]
      bytes += entry.answer.body.count - (old?.answer.body.count ?? 0)
      hashes[place] = hash
      entries[place] = entry
      return old
    }
  }

  /// A rack's guests with a boot's documents each, at a few KiB. A power of two.
  private static let maximumEntries = 16_384
  private static let placesOfSet = 4
  private static let maximumBytes = 64 * 1024 * 1024

  private let state = Mutex(State())
  /// Something random, so that nobody can choose whose places are his.
  private let salt = UInt64.random(in: .min ... .max)

  /// - Parameters:
  ///   - version: That of the instance that has the address now.
  ///   - now: Seconds since 1970.
  func slot(for request: GuestRequest, version: Catalog.Version, now: Int) -> Slot {
    Slot(hash: hash(request), version: version, day: now / 86_400)
  }

  /// The answer as it would be given now.
  /// - Parameters:
  ///   - seeds: Gives the fresh seed.
  ///   - admits: Whether the request that is asked for meets the terms. Where it does not, whoever
  ///     renders answers anew finds the reason.
  func answer(
    _ request: GuestRequest, at slot: Slot, seeds: RandomSeeds, admits: (Terms) -> Bool
  ) -> GuestAnswer? {
    let entry = state.withLock { state -> Entry? in
      guard let place = state.place(of: slot.hash) else { return nil }
      return state.entries[place]
    }
    guard let entry, entry.slot.version == slot.version, entry.slot.day == slot.day,
      entry.key.isThat(of: request), admits(entry.terms)
    else { return nil }
    var answer = entry.answer
    if let offset = entry.seedOffset { seeds.write(into: &answer.body, at: offset) }
    return answer
  }

  /// Keeps an answer that was just rendered.
  /// - Parameter seed: The random seed's text that it was rendered with; empty where it has none.
  func keep(
    _ answer: GuestAnswer, to request: GuestRequest, at slot: Slot,
    on terms: @autoclosure () -> Terms, seed: [UInt8]
  ) {
    guard
      state.withLock({ $0.place(of: slot.hash) != nil || $0.asked.isSeenAgain(slot.hash) })
    else { return }
    var offset: Int?
    if !seed.isEmpty {
      offset = AnswerCache.offset(of: seed, in: answer.body)
      guard offset != nil else { return }
    }
    var kept = answer
    // A document may have been written into more room than it needs.
    kept.body = answer.body.fitted
    let entry = Entry(
      key: Key(request), slot: slot, answer: kept, terms: terms(), seedOffset: offset)
    let old = state.withLock { state -> (State?, Entry?) in
      let isFull = state.bytes + answer.body.count > AnswerCache.maximumBytes
      let all = isFull ? state : nil
      if isFull { state = State() }
      return (all, state.put(entry))
    }
    // Many are let go of outside the lock.
    withExtendedLifetime(old) {}
  }

  // MARK: Places

  private static func set(of hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash) & (maximumEntries - placesOfSet)
  }

  /// By what tells most keys apart: few networks have the same addresses, and few guests two MACs. Never
  /// 0, which stands for none.
  private func hash(_ request: GuestRequest) -> UInt64 {
    let (upper, lower) = request.source.halves
    return max(1, ByteHash.of(request.target.span, salt: ByteHash.mix(salt ^ upper, lower)))
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
