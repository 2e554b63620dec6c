import Crypto
import Inventory
import Synchronization

/// The random bytes of meta_data.json's `random_seed`.
///
/// 512 bytes from the system cost as much as all the rest of an answer. So they are a stream cipher's
/// key stream: each block's first bytes are the next block's key and are never shown, so that who
/// learns the state learns nothing that was given out (fast key erasure), and the key comes from the
/// system again after a while. What was given out is wiped.
final class RandomSeeds: Sendable {
  static let seedBytes = 512
  static let seedLetters = (seedBytes + 2) / 3 * 4

  private static let keyBytes = 32
  private static let seedsOfBlock = 8
  private static let blocksOfKey = 64
  private static let zeros = [UInt8](repeating: 0, count: keyBytes + seedsOfBlock * seedBytes)

  private struct State {
    /// A key for the next block, then seeds; those before `place` are wiped.
    var block: [UInt8] = []
    var place = 0
    /// How many blocks may still follow before the system is asked for a key.
    var blocksLeft = 0
  }

  private let state = Mutex(State())
  private let randomBytes: @Sendable (Int) -> [UInt8]

  /// - Parameter randomBytes: The system's own.
  init(randomBytes: @escaping @Sendable (Int) -> [UInt8]) { self.randomBytes = randomBytes }

  /// A seed that nobody had before.
  func next() -> [UInt8] {
    state.withLock { state in
      let place = advance(&state)
      defer { wipe(&state, place) }
      return Array(state.block[place..<(place + RandomSeeds.seedBytes)])
    }
  }

  /// Writes the base64 of a seed that nobody had before.
  /// - Parameter offset: Where it begins; there must be room for ``seedLetters``.
  func write(into text: inout [UInt8], at offset: Int) {
    state.withLock { state in
      let place = advance(&state)
      Base64.encode(
        state.block.span.extracting(place..<(place + RandomSeeds.seedBytes)), into: &text,
        at: offset)
      wipe(&state, place)
    }
  }

  /// - Returns: Where the next seed begins in the block.
  private func advance(_ state: inout State) -> Int {
    if state.place + RandomSeeds.seedBytes > state.block.count { refill(&state) }
    defer { state.place += RandomSeeds.seedBytes }
    return state.place
  }

  private func wipe(_ state: inout State, _ place: Int) {
    for index in place..<(place + RandomSeeds.seedBytes) { state.block[index] = 0 }
  }

  private func refill(_ state: inout State) {
    if state.blocksLeft == 0 {
      state.block = randomBytes(RandomSeeds.keyBytes)
      state.blocksLeft = RandomSeeds.blocksOfKey
    }
    state.blocksLeft -= 1
    state.place = RandomSeeds.keyBytes
    // A key is used once, so its nonce may be any.
    let key = SymmetricKey(data: state.block.prefix(RandomSeeds.keyBytes))
    if let nonce = try? ChaChaPoly.Nonce(data: [UInt8](repeating: 0, count: 12)),
      let box = try? ChaChaPoly.seal(RandomSeeds.zeros, using: key, nonce: nonce)
    {
      state.block = Array(box.ciphertext)
    } else {
      // The cipher has no reason to fail. If it does, the system's bytes do as well.
      state.block = randomBytes(RandomSeeds.zeros.count)
    }
  }
}
