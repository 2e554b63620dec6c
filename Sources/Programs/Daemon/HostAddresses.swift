import Foundation
import Glibc
import Inventory
import Synchronization

/// What this host's network says of an address: that it is the host's own, or a router's that the
/// host sends by. Read anew every few seconds when somebody asks.
final class HostAddresses: Sendable {
  private static let keptSeconds = 5
  private let cached = Mutex<(roles: [IPAddress: AddressRole], readAt: Int)>(([:], .min))
  private let now: @Sendable () -> Int

  /// - Parameter now: Seconds of a clock that does not go back.
  init(now: @escaping @Sendable () -> Int) { self.now = now }

  @Sendable func role(of address: IPAddress) -> AddressRole? {
    let now = now()
    return cached.withLock { cached in
      if cached.readAt == .min || now - cached.readAt >= HostAddresses.keptSeconds {
        cached = (HostAddresses.read(), now)
      }
      return cached.roles[address]
    }
  }

  private static func read() -> [IPAddress: AddressRole] {
    var roles: [IPAddress: AddressRole] = [:]
    for address in nextHops(fileAt: "/proc/net/route", nextHop: v4NextHop)
      + nextHops(fileAt: "/proc/net/ipv6_route", nextHop: v6NextHop)
    {
      roles[address] = .nextHop
    }
    for address in interfaceAddresses() { roles[address] = .ownHost }
    return roles
  }

  private static func nextHops(fileAt path: String, nextHop: ([Substring]) -> IPAddress?)
    -> [IPAddress]
  {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    return String(decoding: data, as: UTF8.self).split(separator: "\n")
      .compactMap { nextHop($0.split(whereSeparator: { $0 == " " || $0 == "\t" })) }
      .filter(\.isUnicast)
  }

  /// The third field, in hexadecimal digits of the host's byte order.
  static func v4NextHop(_ fields: [Substring]) -> IPAddress? {
    guard fields.count > 3, fields[2].count == 8, let bits = UInt32(fields[2], radix: 16) else {
      return nil
    }
    return .v4(UInt32(bigEndian: bits))
  }

  /// The fifth field, 32 hexadecimal digits.
  static func v6NextHop(_ fields: [Substring]) -> IPAddress? {
    guard fields.count > 5, fields[4].count == 32,
      let upper = UInt64(fields[4].prefix(16), radix: 16),
      let lower = UInt64(fields[4].suffix(16), radix: 16)
    else { return nil }
    return .v6(upper, lower)
  }

  private static func interfaceAddresses() -> Set<IPAddress> {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard unsafe getifaddrs(&list) == 0 else { return [] }
    defer { unsafe freeifaddrs(list) }
    var addresses: Set<IPAddress> = []
    var next = unsafe list
    while let entry = unsafe next {
      if let address = unsafe entry.pointee.ifa_addr.flatMap({ unsafe HostAddresses.address($0) }) {
        addresses.insert(address)
      }
      unsafe next = entry.pointee.ifa_next
    }
    return addresses
  }

  private static func address(_ pointer: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
    switch Int32(unsafe pointer.pointee.sa_family) {
    case AF_INET:
      let bits = unsafe pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        unsafe $0.pointee.sin_addr.s_addr
      }
      return .v4(UInt32(bigEndian: bits))
    case AF_INET6:
      return unsafe pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
        unsafe withUnsafeBytes(of: pointer.pointee.sin6_addr) { bytes in
          IPAddress(v6Bytes: unsafe Array(bytes))
        }
      }
    default: return nil
    }
  }
}
