import Glibc
import Testing

@testable import GuestServer

@Suite("A connection's socket")
struct ConnectionSocketTests {
  @Test("once closed, it does nothing to the socket that has its descriptor next")
  func closed() throws {
    // So high that nobody else is given it meanwhile.
    var limit = rlimit()
    #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    let place = CInt(clamping: min(limit.rlim_cur, 1_000_000)) - 8
    var closed = ConnectionSocket(descriptor: try Self.socket(at: place))
    closed.close()
    let next = try Self.socket(at: place)
    defer { close(next) }
    let before = Self.hops(next)
    #expect(next == place && before > 1)
    let isLimited = closed.limitHops(to: 1, isIPv4: true)
    #expect(!isLimited)
    #expect(Self.hops(next) == before)
  }

  private static func socket(at place: CInt) throws -> CInt {
    let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    defer { close(socket) }
    let moved = fcntl(socket, F_DUPFD_CLOEXEC, place)
    try #require(moved >= 0)
    return moved
  }

  /// How many hops its packets may make.
  private static func hops(_ socket: CInt) -> CInt {
    var value: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    let code = unsafe getsockopt(socket, CInt(IPPROTO_IP), IP_TTL, &value, &size)
    return code == 0 ? value : -1
  }
}
