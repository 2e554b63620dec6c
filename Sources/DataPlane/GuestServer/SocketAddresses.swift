import Glibc
import Inventory
import NIOCore

extension IPAddress {
  /// A socket's address, without its port and zone. An IPv4-mapped one becomes IPv4.
  init?(_ address: SocketAddress?) {
    guard let address else { return nil }
    let found: IPAddress? = unsafe address.withSockAddr { pointer, size in
      let bytes = unsafe UnsafeRawBufferPointer(start: pointer, count: size)
      // After the family come the port and, with IPv6, the flow: two and four bytes.
      switch address {
      case .v4:
        guard bytes.count >= 8 else { return nil }
        return unsafe .v4(
          UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
      case .v6:
        guard bytes.count >= 24 else { return nil }
        return unsafe IPAddress(
          upper: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
          lower: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)))
      case .unixDomainSocket: return nil
      }
    }
    guard let found else { return nil }
    self = found
  }
}

extension SocketAddress {
  /// The number of a link-local address' interface; 0 where there is none.
  var scope: UInt32 {
    guard case .v6 = self else { return 0 }
    return unsafe withSockAddr { pointer, size in
      let bytes = unsafe UnsafeRawBufferPointer(start: pointer, count: size)
      // After the family, the port, the flow and the address.
      return bytes.count < 28 ? 0 : unsafe bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self)
    }
  }
}

extension ListenerConfiguration {
  /// The address to bind.
  /// - Throws: ``ListenError`` where the zone is no interface of this host.
  func socketAddress() throws(ListenError) -> SocketAddress {
    guard (0...65_535).contains(port) else {
      throw ListenError(self, reason: "a port is a number from 1 to 65535")
    }
    do {
      guard address.isLinkLocal else {
        return try SocketAddress(ipAddress: address.description, port: port)
      }
      guard let name = zone ?? device else {
        throw ListenError(self, reason: "a link-local address needs the name of its interface")
      }
      guard unsafe if_nametoindex(name) > 0 else {
        throw ListenError(self, reason: "there is no interface '\(name)'")
      }
      // This reads the zone too; with a number for a name it asks no name server.
      return try SocketAddress.makeAddressResolvingHost("\(address)%\(name)", port: port)
    } catch let error as ListenError {
      throw error
    } catch {
      throw ListenError(self, underlying: error)
    }
  }

  /// Closes the descriptor that was handed over, where there is one. The standard streams are never
  /// handed over.
  func closeDescriptor() {
    if let fileDescriptor, fileDescriptor > 2 { close(fileDescriptor) }
  }

  /// Makes sure that a descriptor is a listening TCP socket; NIO takes that for granted.
  /// - Throws: ``ListenError`` where it is not.
  func check(descriptor: Int32) throws(ListenError) {
    let option = { (name: Int32) -> Int32? in
      var value: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      let code = unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &size)
      return code == 0 ? value : nil
    }
    guard option(SO_ACCEPTCONN) == 1, option(SO_PROTOCOL) == Int32(IPPROTO_TCP) else {
      throw ListenError(
        self,
        reason: "the socket that was handed over is no listening TCP socket; check the"
          + " .socket unit")
    }
  }

  /// The device's name as the kernel takes it: 16 bytes, of which the last is NUL.
  func deviceName() throws(ListenError) -> DeviceName? {
    guard let device else { return nil }
    guard (1...15).contains(device.utf8.count), !device.utf8.contains(0) else {
      throw ListenError(self, reason: "'\(device)' is no interface's name")
    }
    return DeviceName(device.utf8)
  }
}

/// An interface's name in the kernel's form.
struct DeviceName: Sendable {
  private let lower: UInt64
  private let upper: UInt64

  init(_ bytes: some Collection<UInt8>) {
    lower = UInt64(littleEndian: DeviceName.word(bytes.prefix(8)))
    upper = UInt64(littleEndian: DeviceName.word(bytes.dropFirst(8).prefix(8)))
  }

  /// Up to eight bytes, the first in the lowest place.
  private static func word(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
