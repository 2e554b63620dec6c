/// A quick hash, for tables that are looked at with each request. Where somebody gains by inputs of one
/// hash, its salt must be random.
public enum ByteHash {
  /// - Parameter salt: Tells this table's hashes from those of others.
  public static func of(_ bytes: Span<UInt8>, salt: UInt64) -> UInt64 {
    unsafe bytes.withUnsafeBytes { bytes in
      var hash = salt
      var place = 0
      while place + 8 <= bytes.count {
        hash = mix(hash, unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
        place += 8
      }
      var rest = UInt64(bytes.count)
      while place < bytes.count {
        rest = rest << 8 | UInt64(unsafe bytes[place])
        place += 1
      }
      return mix(hash, rest)
    }
  }

  /// Folds a product that depends on all bits of both.
  public static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
    let product = (hash ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return product.high ^ product.low ^ hash.byteSwapped
  }
}
