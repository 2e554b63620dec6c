import Foundation
import Synchronization
import Testing

@testable import MetadataService

@Suite("Random seeds")
struct RandomSeedsTests {
  /// The system's generator, counted.
  private final class System: Sendable {
    let asked = Mutex<[Int]>([])

    func bytes(_ count: Int) -> [UInt8] {
      asked.withLock { $0.append(count) }
      return (0..<count).map { _ in .random(in: 0...255) }
    }
  }

  @Test("no two seeds share a part, and the system is asked for a key once in 384 of them")
  func distinct() {
    let system = System()
    let seeds = RandomSeeds(randomBytes: system.bytes)
    var parts: Set<[UInt8]> = []
    for _ in 0..<769 {
      let seed = seeds.text()
      #expect(seed.count == 684)
      for start in stride(from: 0, to: 672, by: 16) {
        parts.insert(Array(seed[start..<(start + 16)]))
      }
    }
    #expect(parts.count == 769 * 42)
    #expect(system.asked.withLock { $0 } == [32, 32, 32])
  }

  @Test("the same key gives the same seeds, another one others")
  func keyed() {
    let first = RandomSeeds { [UInt8](repeating: 1, count: $0) }.text()
    #expect(RandomSeeds { [UInt8](repeating: 1, count: $0) }.text() == first)
    #expect(RandomSeeds { [UInt8](repeating: 2, count: $0) }.text() != first)
  }

  @Test("a written seed is the base64 of 512 bytes, each as likely as any, and nothing beside it")
  func written() throws {
    let seeds = RandomSeeds(randomBytes: System().bytes)
    var counts = [Int](repeating: 0, count: 256)
    let rounds = 1000
    for _ in 0..<rounds {
      var text = [UInt8](repeating: 0x2E, count: 700)
      seeds.write(into: &text, at: 8)
      #expect(text.prefix(8).allSatisfy { $0 == 0x2E })
      #expect(text.suffix(8).allSatisfy { $0 == 0x2E })
      let base64 = String(decoding: text[8..<692], as: UTF8.self)
      let bytes = try #require(Data(base64Encoded: base64))
      #expect(bytes.count == 512)
      // One text for each seed: what no byte has is zero.
      #expect(bytes.base64EncodedString() == base64)
      for byte in bytes { counts[Int(byte)] += 1 }
    }
    // Chi-squared of 255 degrees of freedom: 400 and more comes once in some 100 million times.
    let expected = Double(rounds * 512) / 256
    let deviation = counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) }
    #expect(deviation / expected < 400)
  }
}
