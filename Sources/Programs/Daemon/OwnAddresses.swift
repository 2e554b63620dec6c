import Glibc
import Inventory
import Synchronization

/// The addresses of this host's interfaces, read anew every few seconds when somebody asks.
final class OwnAddresses: Sendable {
  private static let keptSeconds = 5
  private let cached = Mutex<(addresses: Set<IPAddress>, readAt: Int)>(([], .min))
  private let now: @Sendable () -> Int

  /// - Parameter now: Seconds of a clock that does not go back.
  init(now: @escaping @Sendable () -> Int) { self.now = now }

  @Sendable func contains(_ address: IPAddress) -> Bool {
    let now = now()
    return cached.withLock { cached in
      if cached.readAt == .min || now - cached.readAt >= OwnAddresses.keptSeconds {
        cached = (OwnAddresses.read(), now)
      }
      return cached.addresses.contains(address)
    }
  }

  static func read() -> Set<IPAddress> {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard unsafe getifaddrs(&list) == 0 else { return [] }
    defer { unsafe freeifaddrs(list) }
    var addresses: Set<IPAddress> = []
    var next = unsafe list
    while let entry = unsafe next {
      if let address = unsafe entry.pointee.ifa_addr.flatMap({ unsafe OwnAddresses.address($0) }) {
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
