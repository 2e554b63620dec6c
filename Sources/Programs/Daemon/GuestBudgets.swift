import Glibc
public import GuestServer
import Inventory

/// What guests may use, as the configuration says it.
public struct GuestBudgets: Sendable {
  public var connections: ConnectionLimits
  public var rates: RateLimits

  init(_ read: SettingReader) throws(ConfigurationError) {
    let most = 1_000_000_000
    connections = ConnectionLimits(
      connectionsPerGuest: try read.count(.guestConnections, in: 1...1_000_000),
      connections: try read.count(.totalConnections, in: 1...1_000_000))
    let bytes = try read.count(.guestBytesPerSecond, in: 0...most)
    let requests = try read.count(.totalRequestsPerSecond, in: 0...most)
    let allBytes = try read.count(.totalBytesPerSecond, in: 0...most)
    rates = RateLimits(
      guestRequests: Rate(
        perSecond: try read.count(.guestRequestsPerSecond, in: 0...most),
        burst: try read.count(.guestRequestBurst, in: 1...most)),
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
