import CEpoll

extension [UInt8] {
  /// Where some bytes stand first. The standard library's search takes longer than the request that
  /// is being timed.
  func place(of bytes: [UInt8]) -> Range<Int>? {
    unsafe withUnsafeBytes { all in
      unsafe bytes.withUnsafeBytes { wanted in
        guard let start = all.baseAddress, let pattern = wanted.baseAddress,
          let found = unsafe bench_find(start, all.count, pattern, wanted.count)
        else { return nil }
        let place = unsafe found - start
        return place..<place + wanted.count
      }
    }
  }

  /// The empty line that ends a head.
  static let headEnd = Array("\r\n\r\n".utf8)
}
