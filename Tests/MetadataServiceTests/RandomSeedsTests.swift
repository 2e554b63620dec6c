import Foundation
import Inventory
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

  @Test("no two seeds share a part, and the system is asked for a key once in 512 of them")
  func distinct() {
    let system = System()
    let seeds = RandomSeeds(randomBytes: system.bytes)
    var parts: Set<[UInt8]> = []
    for _ in 0..<1025 {
      let seed = seeds.next()
      #expect(seed.count == 512)
      for start in stride(from: 0, to: 512, by: 16) {
        parts.insert(Array(seed[start..<(start + 16)]))
      }
    }
    #expect(parts.count == 1025 * 32)
    #expect(system.asked.withLock { $0 } == [32, 32, 32])
  }

  @Test("the same key gives the same seeds, another one others")
  func keyed() {
    let first = RandomSeeds { [UInt8](repeating: 1, count: $0) }.next()
    #expect(RandomSeeds { [UInt8](repeating: 1, count: $0) }.next() == first)
    #expect(RandomSeeds { [UInt8](repeating: 2, count: $0) }.next() != first)
  }

  @Test("a seed is written as base64, and nothing beside it")
  func written() throws {
    let key: @Sendable (Int) -> [UInt8] = { [UInt8](repeating: 3, count: $0) }
    let plain = RandomSeeds(randomBytes: key)
    let written = RandomSeeds(randomBytes: key)
    for _ in 0..<20 {
      var text = [UInt8](repeating: 0x2E, count: 700)
      written.write(into: &text, at: 8)
      let base64 = Data(plain.next()).base64EncodedString()
      #expect(String(decoding: text, as: UTF8.self) == "........\(base64)........")
    }
  }
}
