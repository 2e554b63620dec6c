public import Inventory

/// Whose names a request may be addressed to.
///
/// A page in a browser on the guest can have its own name resolve to the metadata address (DNS
/// rebinding) and then read the answers as its own; a server that can be made to fetch a URL (SSRF)
/// can be given such a name too. Both send that name as the Host. Nobody but guests' own programs
/// uses our addresses and names.
public struct HostRule: Sendable {
  public enum Check: String, Sendable, CaseIterable {
    /// Foreign names are answered, counted and logged.
    case audit
    /// Foreign names are refused.
    case enforce
    case off
  }

  /// Where clients look for metadata services by habit: EC2's, OpenStack's and GCE's address, EC2's
  /// for IPv6, OpenStack's for IPv6, Alibaba's and Scaleway's.
  static let usualAddresses: Set<IPAddress> = [
    .v4(0xA9FE_A9FE), .v6(0xFD00_0EC2_0000_0000, 0x254), .v6(0xFE80_0000_0000_0000, 0xA9FE_A9FE),
    .v4(0x6464_64C8), .v4(0xA9FE_2A2A),
  ]
  /// The same by name: GCE's, and cloud-init's last resort for EC2. A name without a dot cannot be
  /// rebound: nobody outside the guest's own search domains can register it.
  static let usualNames = ["metadata.google.internal", "metadata", "instance-data"]

  public let check: Check
  private let addresses: Set<IPAddress>
  private let names: Set<[UInt8]>

  /// - Parameters:
  ///   - names: More names and addresses that guests ask by, in any case, without ports.
  ///   - addresses: Those of the listeners and of the redirect.
  public init(check: Check = .audit, names: [String] = [], addresses: [IPAddress] = []) {
    self.check = check
    self.addresses = HostRule.usualAddresses.union(addresses + names.compactMap { IPAddress($0) })
    self.names = Set(
      (HostRule.usualNames + names).map { HostRule.comparable(Array($0.utf8)[...]) })
  }

  /// Why a request's host is none of ours; nil where it is, or is not looked at.
  func refusal(for request: GuestRequest) -> Refusal? {
    guard check != .off else { return nil }
    // An authority in the target overrides the field (RFC 9112, 3.2.2).
    guard let host = HostRule.authority(of: request.target) ?? request.fields.host?[...] else {
      return nil
    }
    guard !allows(host, local: request.local) else { return nil }
    return .foreignHost(String(decoding: host.prefix(HostRule.maximumQuotedBytes), as: UTF8.self))
  }

  /// Longer than any name that an operator would allow on reading it in the log.
  private static let maximumQuotedBytes = 100

  /// Whether a Host, with or without a port, is one of ours.
  /// - Parameter local: The connection's own address.
  func allows(_ host: ArraySlice<UInt8>, local: IPAddress?) -> Bool {
    guard let name = HostRule.withoutPort(host) else { return false }
    if let address = HostRule.address(name) {
      return address == local || addresses.contains(address)
    }
    let comparable = HostRule.comparable(name)
    return names.contains(comparable)
      || (local?.isLoopback == true && comparable.elementsEqual("localhost".utf8))
  }

  // MARK: Reading

  /// The authority of an absolute URI; nil for a path.
  private static func authority(of target: [UInt8]) -> ArraySlice<UInt8>? {
    guard target.first != UInt8(ascii: "/"), let colon = target.firstIndex(of: UInt8(ascii: ":")),
      target[(colon + 1)...].starts(with: "//".utf8)
    else { return nil }
    return target[(colon + 3)...].prefix {
      $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#")
    }
  }

  /// The name or address before the port; nil where that is no port.
  private static func withoutPort(_ host: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var end = host.startIndex
    if host.first == UInt8(ascii: "[") {
      guard let bracket = host.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      end = bracket + 1
    } else {
      end = host.firstIndex(of: UInt8(ascii: ":")) ?? host.endIndex
    }
    let port = host[end...]
    guard port.isEmpty || port.first == UInt8(ascii: ":"),
      port.dropFirst().allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return host[..<end]
  }

  /// The address that a host is, in brackets for IPv6; nil for a name. A zone names an interface of
  /// the guest's, typed as it is or percent-encoded, and says nothing here.
  private static func address(_ host: ArraySlice<UInt8>) -> IPAddress? {
    guard host.first == UInt8(ascii: "[") else { return v4(host) }
    let text = host.dropFirst().dropLast().prefix { $0 != UInt8(ascii: "%") }
    return IPAddress(String(decoding: text, as: UTF8.self))
  }

  /// Dotted IPv4, read without a string: every request has one.
  private static func v4(_ text: ArraySlice<UInt8>) -> IPAddress? {
    var bits: UInt32 = 0
    var part: UInt32 = 0
    var (digits, dots) = (0, 0)
    for byte in text {
      if byte == UInt8(ascii: "."), digits > 0, dots < 3 {
        bits = bits << 8 | part
        (part, digits, dots) = (0, 0, dots + 1)
      } else if (0x30...0x39).contains(byte), digits < 3 {
        part = part * 10 + UInt32(byte - 0x30)
        digits += 1
        guard part <= 255 else { return nil }
      } else {
        return nil
      }
    }
    return dots == 3 && digits > 0 ? .v4(bits << 8 | part) : nil
  }

  /// In lower case and without the root's dot.
  private static func comparable(_ name: ArraySlice<UInt8>) -> [UInt8] {
    let end = name.last == UInt8(ascii: ".") ? name.dropLast() : name
    return end.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
  }
}
