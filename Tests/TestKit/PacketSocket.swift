import Glibc

/// Whole frames on an interface of the calling thread's network namespace.
public final class PacketSocket: Sendable {
  private let descriptor: Int32
  /// The interface's own.
  public let mac: [UInt8]

  public init(device: String) throws {
    // ETH_P_ALL, in network order.
    descriptor = socket(
      AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue),
      Int32(UInt16(3).bigEndian))
    // A sockaddr_ll, which Swift's module of the C library leaves out: the family, the interface's
    // number from byte 4 on, its MAC from byte 12 on.
    var link = [UInt8](repeating: 0, count: 20)
    unsafe link.withUnsafeMutableBytes { bytes in
      unsafe bytes.storeBytes(of: UInt16(AF_PACKET), as: UInt16.self)
      unsafe bytes.storeBytes(of: if_nametoindex(device), toByteOffset: 4, as: UInt32.self)
    }
    let descriptor = descriptor
    let isBound = unsafe link.withUnsafeMutableBytes { bytes in
      guard let address = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else {
        return false
      }
      var length = socklen_t(bytes.count)
      return unsafe bind(descriptor, address, length) == 0
        && getsockname(descriptor, address, &length) == 0
    }
    mac = Array(link[12..<18])
    guard isBound, unsafe if_nametoindex(device) != 0 else {
      throw ChildProcess.Failed("no frame can be seen on \(device)")
    }
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    _ = unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  public func send(_ frame: [UInt8]) throws {
    guard unsafe Glibc.send(descriptor, frame, frame.count, 0) == frame.count else {
      throw ChildProcess.Failed(
        "a frame cannot be sent: \(unsafe String(cString: strerror(errno)))")
    }
  }

  /// The next frame; nil where none comes for 20 seconds.
  public func receive() -> [UInt8]? {
    var frame = [UInt8](repeating: 0, count: 2048)
    let count = unsafe recv(descriptor, &frame, frame.count, 0)
    return count >= 0 ? Array(frame.prefix(count)) : nil
  }
}
