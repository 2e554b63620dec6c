/// A block of addresses, such as `10.20.0.0/24`; host bits are cleared.
public struct CIDR: Hashable, Sendable, CustomStringConvertible {
  /// The block's first address.
  public let network: IPAddress
  /// How many leading bits are fixed, 0 to 32 or 128.
  public let prefixLength: Int

  /// Nil where the prefix is longer than the address.
  public init?(_ address: IPAddress, prefixLength: Int) {
    guard (0...address.bitWidth).contains(prefixLength) else { return nil }
    self.prefixLength = prefixLength
    network = address.sameFamily(
      address.bits & CIDR.mask(address.bitWidth, prefixLength))
  }

  /// Reads `ADDRESS/PREFIX`.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPAddress(String(parts[0])),
      parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1])
    else { return nil }
    self.init(address, prefixLength: length)
  }

  public func contains(_ address: IPAddress) -> Bool {
    address.isIPv4 == network.isIPv4
      && address.bits & CIDR.mask(address.bitWidth, prefixLength) == network.bits
  }

  /// The mask as an address: `255.255.255.0`, `ffff:ffff::`.
  public var netmask: IPAddress {
    network.sameFamily(CIDR.mask(network.bitWidth, prefixLength))
  }

  /// The block's last address, which for IPv4 is its broadcast address.
  public var broadcast: IPAddress {
    let all = CIDR.mask(network.bitWidth, network.bitWidth)
    return network.sameFamily(
      network.bits | (all & ~CIDR.mask(network.bitWidth, prefixLength)))
  }

  public var description: String { "\(network)/\(prefixLength)" }

  private static func mask(_ width: Int, _ length: Int) -> UInt128 {
    let all: UInt128 = width == 32 ? 0xFFFF_FFFF : .max
    return length == 0 ? 0 : all & (all << UInt128(width - length))
  }
}
