// Numbers in what an image holds; nil where the bytes end before.

extension Array where Element == UInt8 {
  func little16(_ offset: Int) -> UInt16? {
    little(offset, 2).map { UInt16(truncatingIfNeeded: $0) }
  }

  func little32(_ offset: Int) -> UInt32? {
    little(offset, 4).map { UInt32(truncatingIfNeeded: $0) }
  }

  func little64(_ offset: Int) -> UInt64? { little(offset, 8) }

  func big32(_ offset: Int) -> UInt32? {
    slice(offset, 4)?.reduce(0) { $0 << 8 | UInt32($1) }
  }

  func big64(_ offset: Int) -> UInt64? {
    slice(offset, 8)?.reduce(0) { $0 << 8 | UInt64($1) }
  }

  func slice(_ offset: Int, _ count: Int) -> ArraySlice<UInt8>? {
    guard offset >= 0, count >= 0, offset <= self.count - count else { return nil }
    return self[offset..<(offset + count)]
  }

  /// Whether `bytes` stand at a place.
  func has(_ bytes: [UInt8], at offset: Int) -> Bool {
    slice(offset, bytes.count).map { $0.elementsEqual(bytes) } ?? false
  }

  private func little(_ offset: Int, _ count: Int) -> UInt64? {
    slice(offset, count)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
