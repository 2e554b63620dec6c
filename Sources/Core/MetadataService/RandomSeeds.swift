import Crypto
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

  /// A copy of it is sooner there than another one like it.
  private static let blank = [UInt8](repeating: UInt8(ascii: "="), count: seedLetters)

  private let stream = Mutex(Stream())
  private let randomBytes: @Sendable (Int) -> [UInt8]

  /// - Parameter randomBytes: The system's own.
  init(randomBytes: @escaping @Sendable (Int) -> [UInt8]) { self.randomBytes = randomBytes }

  /// The base64 of a seed that nobody had before.
  func text() -> [UInt8] {
    var text = RandomSeeds.blank
    write(into: &text, at: 0)
    return text
  }

  /// Writes the base64 of a seed that nobody had before. A random text of that form is as good as the
  /// text of random bytes, and cheaper.
  /// - Parameter offset: Where it begins; there must be room for ``seedLetters``.
  func write(into text: inout [UInt8], at offset: Int) {
    stream.withLock { stream in
      unsafe stream.take(randomBytes) { bytes in
        unsafe text.withUnsafeMutableBytes { text in
          let letters = unsafe UnsafeMutableRawBufferPointer(
            rebasing: text[offset..<(offset + RandomSeeds.seedLetters)])
          unsafe RandomSeeds.fill(letters, from: bytes)
        }
      }
    }
  }

  private static func fill(
    _ letters: UnsafeMutableRawBufferPointer, from bytes: UnsafeMutableRawBufferPointer
  ) {
    for index in 0..<seedLetters { unsafe letters[index] = letter(bytes[index] & 63) }
    // The last two of 512 bytes are 16 bits: a letter has the last four of them, and none follows.
    let last = seedLetters - 2
    unsafe letters[last] = letter(bytes[last] & 60)
    unsafe letters[last + 1] = UInt8(ascii: "=")
  }

  /// Base64's letter of six bits: 0 to 25 are A to Z, to 51 a to z, to 61 the digits, then + and /.
  /// It is all arithmetic, so that many are made at once.
  private static func letter(_ bits: UInt8) -> UInt8 {
    var letter = bits &+ 65
    letter &+= bits > 25 ? 6 : 0
    letter &-= bits > 51 ? 75 : 0
    letter &-= bits > 61 ? 15 : 0
    letter &+= bits > 62 ? 3 : 0
    return letter
  }
}

/// The key stream.
private struct Stream {
  private static let keyBytes = 32
  private static let seedsOfBlock = 32
  private static let blocksOfKey = 12
  private static let zeros = [UInt8](
    repeating: 0, count: keyBytes + seedsOfBlock * RandomSeeds.seedLetters)

  /// A key for the next block, then bytes for seeds; those before `place` are wiped.
  private var block: [UInt8] = []
  private var place = 0
  /// How many blocks may still follow before the system is asked for a key.
  private var blocksLeft = 0

  /// Lends as many bytes as a seed has letters, which nobody has seen, and wipes them.
  mutating func take(
    _ randomBytes: (Int) -> [UInt8], _ body: (UnsafeMutableRawBufferPointer) -> Void
  ) {
    if place + RandomSeeds.seedLetters > block.count { refill(randomBytes) }
    let range = place..<(place + RandomSeeds.seedLetters)
    place = range.upperBound
    unsafe block.withUnsafeMutableBytes { block in
      let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: block[range])
      unsafe body(bytes)
      for index in bytes.indices { unsafe bytes[index] = 0 }
    }
  }

  private mutating func refill(_ randomBytes: (Int) -> [UInt8]) {
    if blocksLeft == 0 {
      block = randomBytes(Stream.keyBytes)
      blocksLeft = Stream.blocksOfKey
    }
    blocksLeft -= 1
    place = Stream.keyBytes
    // A key is used once, so its nonce may be any.
    let key = SymmetricKey(data: block.prefix(Stream.keyBytes))
    if let nonce = try? AES.GCM.Nonce(data: [UInt8](repeating: 0, count: 12)),
      let box = try? AES.GCM.seal(Stream.zeros, using: key, nonce: nonce)
    {
      block = Array(box.ciphertext)
    } else {
      // The cipher has no reason to fail. If it does, the system's bytes do as well.
      block = randomBytes(Stream.zeros.count)
    }
  }
}
