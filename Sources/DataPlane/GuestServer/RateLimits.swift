public import Inventory

/// How much each guest, and all together, may have a second.
public struct RateLimits: Sendable, Hashable {
  /// Requests of one source address on one network.
  public var guestRequests: Rate
  /// Bytes of large answers to one source address on one network.
  public var guestBytes: Rate
  /// Requests of all guests.
  public var requests: Rate
  /// Bytes of large answers to all guests.
  public var bytes: Rate

  public init(
    guestRequests: Rate = Rate(
      perSecond: Limits.guestRequestsPerSecond, burst: Limits.guestRequestBurst),
    guestBytes: Rate = Rate(
      perSecond: Limits.guestBytesPerSecond,
      burst: Limits.guestBytesPerSecond * Limits.byteBurstSeconds),
    requests: Rate = Rate(
      perSecond: Limits.totalRequestsPerSecond, burst: Limits.totalRequestsPerSecond),
    bytes: Rate = Rate(
      perSecond: Limits.totalBytesPerSecond, burst: Limits.totalBytesPerSecond)
  ) {
    self.guestRequests = guestRequests
    self.guestBytes = guestBytes
    self.requests = requests
    self.bytes = bytes
  }

  /// New connections of one address: twice its requests, so that a guest which opens one for each
  /// request is told 429 before it is told nothing.
  var guestConnections: Rate {
    Rate(perSecond: guestRequests.perSecond * 2, burst: guestRequests.burst * 2)
  }

  // Strangers may be many, and get nothing but a 404 for their trouble.

  /// Requests of one address that nobody has declared.
  var strangerRequests: Rate { guestRequests.divided(by: Limits.strangerShare) }
  var strangerConnections: Rate { guestConnections.divided(by: Limits.strangerShare) }
  /// Requests of all strangers.
  var allStrangersRequests: Rate { requests.divided(by: Limits.strangerShare) }
}
