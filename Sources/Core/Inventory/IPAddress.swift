import Glibc

/// An IPv4 or IPv6 address, as numbers; text only at the edges.
public enum IPAddress: Hashable, Sendable {
  case v4(UInt32)
  /// The upper and lower 64 bits.
  case v6(UInt64, UInt64)

  /// Reads dotted IPv4 or any RFC 4291 form of IPv6, without a zone. An IPv4-mapped IPv6 address
  /// (`::ffff:192.0.2.1`) is the IPv4 address that it stands for.
  public init?(_ text: String) {
    guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
    var v4 = in_addr()
    if unsafe inet_pton(AF_INET, text, &v4) == 1 {
      self = .v4(UInt32(bigEndian: v4.s_addr))
      return
    }
    var bytes = [UInt8](repeating: 0, count: 16)
    guard unsafe inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
    self.init(v6Bytes: bytes)
  }

  /// Takes the 16 bytes of an IPv6 address in network order.
  public init?(v6Bytes bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    let upper = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    let lower = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    self.init(upper: upper, lower: lower)
  }

  /// An IPv6 address from its halves; IPv4-mapped ones become IPv4.
  public init(upper: UInt64, lower: UInt64) {
    if upper == 0 && lower >> 32 == 0xFFFF {
      self = .v4(UInt32(truncatingIfNeeded: lower))
    } else {
      self = .v6(upper, lower)
    }
  }

  /// 128 bits; those of an IPv4 address are the lowest.
  public var halves: (upper: UInt64, lower: UInt64) {
    switch self {
    case .v4(let bits): (0, UInt64(bits))
    case .v6(let upper, let lower): (upper, lower)
    }
  }

  /// 128 bits that no other address has: an IPv4 address is the IPv6 one that stands for it.
  var mappedHalves: (upper: UInt64, lower: UInt64) {
    switch self {
    case .v4(let bits): (0, 0xFFFF << 32 | UInt64(bits))
    case .v6(let upper, let lower): (upper, lower)
    }
  }

  public var isIPv4: Bool {
    if case .v4 = self { true } else { false }
  }

  /// 32 or 128.
  public var bitWidth: Int { isIPv4 ? 32 : 128 }

  /// Whether this is an IPv6 address of one link, fe80::/10.
  public var isLinkLocal: Bool {
    if case .v6(let upper, _) = self { upper >> 54 == 0xFE80 >> 6 } else { false }
  }

  /// Whether only programs of one host use this address: 127.0.0.0/8 and ::1.
  public var isLoopback: Bool {
    switch self {
    case .v4(let bits): bits >> 24 == 127
    case .v6(let upper, let lower): (upper, lower) == (0, 1)
    }
  }

  /// Whether a guest can have this address: not unspecified, not multicast, not broadcast.
  public var isUnicast: Bool {
    switch self {
    case .v4(let bits): bits != 0 && bits >> 28 != 0xE && bits != .max
    case .v6(let upper, let lower): (upper, lower) != (0, 0) && upper >> 56 != 0xFF
    }
  }

  /// ``halves`` as one number.
  var bits: UInt128 { UInt128(halves.upper) << 64 | UInt128(halves.lower) }

  /// An address of the same family as `self` with these bits.
  func sameFamily(_ bits: UInt128) -> IPAddress {
    isIPv4
      ? .v4(UInt32(truncatingIfNeeded: bits))
      : .v6(UInt64(truncatingIfNeeded: bits >> 64), UInt64(truncatingIfNeeded: bits))
  }
}

extension IPAddress: ASCIIText {
  /// Dotted IPv4, or IPv6 in RFC 5952's form.
  public func append(to text: inout TextBuffer) {
    switch self {
    case .v4(let bits):
      for shift in stride(from: 24 as UInt32, through: 0, by: -8) {
        if shift < 24 { text.append(UInt8(ascii: ".")) }
        let part = UInt8(truncatingIfNeeded: bits >> shift)
        if part >= 100 { text.append(part / 100 + UInt8(ascii: "0")) }
        if part >= 10 { text.append(part / 10 % 10 + UInt8(ascii: "0")) }
        text.append(part % 10 + UInt8(ascii: "0"))
      }
    case .v6(let upper, let lower):
      let groups = [upper, lower].flatMap { half in
        [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> $0) }
      }
      let gap = IPAddress.longestZeroRun(groups) ?? groups.count..<groups.count
      IPAddress.append(groups[..<gap.lowerBound], to: &text)
      guard !gap.isEmpty else { return }
      text.append(literal: "::")
      IPAddress.append(groups[gap.upperBound...], to: &text)
    }
  }

  private static func append(_ groups: ArraySlice<UInt16>, to text: inout TextBuffer) {
    for (index, group) in groups.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ":")) }
      let digits = (UInt16.bitWidth - group.leadingZeroBitCount + 3) / 4
      text.append(hex: group, digits: Swift.max(1, digits))
    }
  }

  private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
    var best: Range<Int>?
    var start = 0
    while start < groups.count {
      guard groups[start] == 0 else {
        start += 1
        continue
      }
      let end = groups[start...].firstIndex { $0 != 0 } ?? groups.count
      if end - start > max(1, best?.count ?? 0) { best = start..<end }
      start = end
    }
    return best
  }
}
