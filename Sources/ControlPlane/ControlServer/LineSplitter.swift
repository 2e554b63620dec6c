import Inventory

/// Cuts a stream of bytes into lines, each of a bounded length. Blank lines are left out.
struct LineSplitter {
  /// A line was longer than allowed.
  struct TooLong: Error {}

  private let limit: Int
  private var rest: [UInt8] = []

  init(limit: Int) { self.limit = limit }

  /// Takes more bytes; gives the lines that they complete.
  mutating func feed(_ bytes: some Collection<UInt8>) throws(TooLong) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var chunk = bytes[...]
    while let end = chunk.firstIndex(of: 0x0A) {
      try append(chunk[..<end])
      take(into: &lines)
      chunk = chunk[chunk.index(after: end)...]
    }
    try append(chunk)
    return lines
  }

  /// What came after the last line break, if anything did.
  mutating func finish() -> [UInt8]? {
    var lines: [[UInt8]] = []
    take(into: &lines)
    return lines.first
  }

  private mutating func append(_ bytes: some Collection<UInt8>) throws(TooLong) {
    guard rest.count + bytes.count <= limit else { throw TooLong() }
    rest.append(contentsOf: bytes)
  }

  private mutating func take(into lines: inout [[UInt8]]) {
    if rest.contains(where: { $0 > 0x20 }) { lines.append(rest) }
    rest.removeAll(keepingCapacity: true)
  }
}
