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
  private struct Key: Sendable {
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

  /// Where an answer would be kept, and on which day it is given.
  struct Slot: Sendable {
    fileprivate let hash: UInt64
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

  /// An answer that is kept. An object, so that a look at it counts one reference and not each of its
  /// parts'.
  final class Kept: Sendable {
    private let key: Key
    fileprivate let slot: Slot
    /// That of the instance that it is of. Where the address has another now, it is good no more.
    let version: Catalog.Version
    let terms: Terms
    fileprivate let answer: GuestAnswer
    /// Where the base64 of the random seed starts in the body, if there is one.
    private let seedOffset: Int?

    fileprivate init(
      _ answer: GuestAnswer, to request: GuestRequest, at slot: Slot, version: Catalog.Version,
      terms: Terms, seedOffset: Int?
    ) {
      key = Key(request)
      self.slot = slot
      self.version = version
      self.terms = terms
      self.answer = answer
      self.seedOffset = seedOffset
    }

    fileprivate func isOf(_ request: GuestRequest, at slot: Slot) -> Bool {
      self.slot.day == slot.day && key.isThat(of: request)
    }

    /// The answer as it would be given now.
    /// - Parameter seeds: Gives the fresh seed.
    func answer(_ seeds: RandomSeeds) -> GuestAnswer {
      guard let seedOffset else { return answer }
      var body = answer.body
      seeds.write(into: &body, at: seedOffset)
      return GuestAnswer(answer, body: body)
    }
  }

  private struct State {
    /// Of the hashes of the keys of what is kept, by place, what the place does not say; 0 for none. They
    /// are looked at with each request, and so few that they stay in the processor's cache.
    private var rests = [UInt32](repeating: 0, count: maximumEntries)
    /// Those of keys that were asked for.
    var asked = RecentHashes(places: maximumEntries)
    var entries = [Kept?](repeating: nil, count: maximumEntries)
    var bytes = 0
    /// Which place of a set is taken over next.
    var next = 0

    func place(of hash: UInt64) -> Int? {
      let (first, rest) = (AnswerCache.set(of: hash), State.rest(of: hash))
      for place in first..<(first + placesOfSet) where rests[place] == rest { return place }
      return nil
    }

    private static func rest(of hash: UInt64) -> UInt32 {
      max(1, UInt32(truncatingIfNeeded: hash >> 32))
    }

    private func emptyPlace(in set: Int) -> Int? {
      for place in set..<(set + placesOfSet) where rests[place] == 0 { return place }
      return nil
    }

    private mutating func takenPlace(for hash: UInt64) -> Int {
      next = (next + 1) % placesOfSet
      return AnswerCache.set(of: hash) + next
    }

    /// - Returns: What was there before.
    mutating func put(_ entry: Kept) -> Kept? {
      let hash = entry.slot.hash
      // Its own, or one that nobody has, or one of somebody's.
      let place =
        place(of: hash) ?? emptyPlace(in: AnswerCache.set(of: hash)) ?? takenPlace(for: hash)
      let old = entries[place]
      bytes += entry.answer.body.count - (old?.answer.body.count ?? 0)
      rests[place] = State.rest(of: hash)
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

  /// - Parameter now: Seconds since 1970.
  func slot(for request: GuestRequest, now: Int) -> Slot {
    Slot(hash: hash(request), day: now / 86_400)
  }

  /// What is kept for a request. Whether it is still true and the request may have it, whoever asks finds
  /// out.
  func kept(for request: GuestRequest, at slot: Slot) -> Kept? {
    let kept = state.withLock { state -> Kept? in
      guard let place = state.place(of: slot.hash) else { return nil }
      return state.entries[place]
    }
    guard let kept, kept.isOf(request, at: slot) else { return nil }
    return kept
  }

  /// Whether an answer is worth keeping, which is asked once for each that was rendered.
  func wants(_ slot: Slot) -> Bool {
    state.withLock { $0.place(of: slot.hash) != nil || $0.asked.isSeenAgain(slot.hash) }
  }

  /// Keeps an answer that was just rendered.
  /// - Parameters:
  ///   - version: That of the instance that it is of.
  ///   - seed: The random seed's text that it was rendered with; empty where it has none.
  func keep(
    _ answer: GuestAnswer, to request: GuestRequest, at slot: Slot, version: Catalog.Version,
    on terms: Terms, seed: [UInt8]
  ) {
    var offset: Int?
    if !seed.isEmpty {
      offset = AnswerCache.offset(of: seed, in: answer.body)
      guard offset != nil else { return }
    }
    // A document may have been written into more room than it needs.
    let kept = GuestAnswer(answer, body: answer.body.fitted)
    let entry = Kept(
      kept, to: request, at: slot, version: version, terms: terms, seedOffset: offset)
    let old = state.withLock { state -> (State?, Kept?) in
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

  /// By what tells most keys apart: few networks have the same addresses, and few guests two MACs.
  private func hash(_ request: GuestRequest) -> UInt64 {
    let (upper, lower) = request.source.halves
    return ByteHash.of(request.target.span, salt: ByteHash.mix(salt ^ upper, lower))
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
