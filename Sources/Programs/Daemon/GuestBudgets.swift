import Glibc
public import GuestServer
import Inventory

/// What guests may use, as the configuration says it.
public struct GuestBudgets: Sendable {
  public var connections: ConnectionLimits
  public var rates: RateLimits

  init(_ read: SettingReader) throws(ConfigurationError) {
    let most = 1e9
    connections = ConnectionLimits(
      connectionsPerGuest: Int(try read.number(.guestConnections, in: 1...1e6)),
      connections: Int(try read.number(.totalConnections, in: 1...1e6)))
    let bytes = Int(try read.number(.guestBytesPerSecond, in: 0...most))
    let requests = Int(try read.number(.totalRequestsPerSecond, in: 0...most))
    let allBytes = Int(try read.number(.totalBytesPerSecond, in: 0...most))
    rates = RateLimits(
      guestRequests: Rate(
        perSecond: Int(try read.number(.guestRequestsPerSecond, in: 0...most)),
        burst: Int(try read.number(.guestRequestBurst, in: 1...most))),
      guestBytes: Rate(perSecond: bytes, burst: bytes * Limits.byteBurstSeconds),
      requests: Rate(perSecond: requests, burst: requests),
      bytes: Rate(perSecond: allBytes, burst: allBytes))
  }
}

/// The process' limit on open files, and what of it guests may have.
struct OpenFileLimit {
  let files: Int

  /// Raises the limit as far as this user may. A service manager's default of 1,024 is there for
  /// programs that use select(2), which this is not.
  static func raised() -> OpenFileLimit {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard unsafe getrlimit(resource, &limit) == 0 else { return OpenFileLimit(files: 1024) }
    var raised = limit
    raised.rlim_cur = limit.rlim_max
    if unsafe setrlimit(resource, &raised) == 0 { limit = raised }
    return OpenFileLimit(files: Int(clamping: limit.rlim_cur))
  }

  /// How many connections guests may have, so that operators, the store and listeners have theirs.
  func connections(of configured: Int) -> Int {
    let reserve = min(Limits.reservedDescriptors, files / 2)
    return max(1, min(configured, files - reserve))
  }
}
