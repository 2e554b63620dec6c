public import Inventory

/// How long a connection may take over each thing, in milliseconds.
public struct Timeouts: Sendable, Hashable {
  /// From the first byte of a request to the end of its head.
  public var headMilliseconds: Int
  /// From the end of a head to the end of its body.
  public var bodyMilliseconds: Int
  /// From one answer to the first byte of the next request.
  public var idleMilliseconds: Int
  /// For the guest to take an answer.
  public var writeMilliseconds: Int
  /// After a refused request, for the guest to read the refusal and close.
  public var lingerMilliseconds: Int

  public init(
    headMilliseconds: Int = Limits.requestHeadTimeoutMilliseconds,
    bodyMilliseconds: Int = Limits.requestBodyTimeoutMilliseconds,
    idleMilliseconds: Int = Limits.idleTimeoutMilliseconds,
    writeMilliseconds: Int = Limits.writeTimeoutMilliseconds, lingerMilliseconds: Int = 2000
  ) {
    self.headMilliseconds = headMilliseconds
    self.bodyMilliseconds = bodyMilliseconds
    self.idleMilliseconds = idleMilliseconds
    self.writeMilliseconds = writeMilliseconds
    self.lingerMilliseconds = lingerMilliseconds
  }
}
