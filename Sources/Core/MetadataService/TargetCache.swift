import Dialects
import Synchronization

/// Targets that were parsed before: all guests of one image ask for the same few dozen.
///
/// Each target has one place that it may be kept at; who comes there next takes it over.
final class TargetCache: Sendable {
  private final class Entry: Sendable {
    let bytes: [UInt8]
    let target: RequestTarget

    init(_ bytes: [UInt8], _ target: RequestTarget) {
      self.bytes = bytes
      self.target = target
    }
  }

  /// What the boots of some images ask for. A power of two.
  private static let places = 1024
  /// Longer than any path of a boot's.
  private static let maximumBytes = 160

  private let entries = Mutex([Entry?](repeating: nil, count: places))

  /// Parses a request line's target.
  func target(_ bytes: [UInt8]) throws(RequestTarget.Malformed) -> RequestTarget {
    guard bytes.count <= TargetCache.maximumBytes else { return try RequestTarget(parsing: bytes) }
    let place = Int(truncatingIfNeeded: ByteHash.of(bytes, salt: 0)) & (TargetCache.places - 1)
    if let kept = entries.withLock({ $0[place] }), kept.bytes == bytes { return kept.target }
    let target = try RequestTarget(parsing: bytes)
    entries.withLock { $0[place] = Entry(bytes, target) }
    return target
  }
}
