import Inventory

/// Whom a request is addressed to. An object, since it is looked at with each request.
final class RequestHost: Sendable {
  enum Name: Sendable {
    case address(IPAddress)
    /// In lower case and without the root's dot.
    case name([UInt8])
    /// What is followed by no port.
    case unreadable
  }

  /// As it came, with a port or without.
  let text: ArraySlice<UInt8>
  let name: Name

  /// Nil where the request says nothing of it, as HTTP/1.0 allows.
  /// - Parameter field: The Host field. An authority in the target overrides it (RFC 9112, 3.2.2).
  init?(target: [UInt8], field: [UInt8]?) {
    guard let text = RequestHost.authority(of: target) ?? field?[...] else { return nil }
    self.text = text
    guard let name = RequestHost.withoutPort(text) else {
      self.name = .unreadable
      return
    }
    self.name =
      RequestHost.address(name).map { .address($0) } ?? .name(RequestHost.comparable(name))
  }

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
  static func comparable(_ name: ArraySlice<UInt8>) -> [UInt8] {
    let end = name.last == UInt8(ascii: ".") ? name.dropLast() : name
    return end.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
  }
}
