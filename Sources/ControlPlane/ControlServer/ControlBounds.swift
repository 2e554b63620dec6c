import ControlAPI
import Inventory

/// What connections may take of the operators' side, in number and in time.
public struct ControlBounds: Sendable {
  /// Connections to the control socket.
  public var socketConnections = Limits.maximumSocketConnections
  /// Connections to the control listener, and those of one address.
  public var networkConnections = Limits.maximumControlConnections
  public var networkConnectionsPerAddress = Limits.maximumControlConnectionsPerAddress
  /// How long a connection may ask nothing, a head or a body not go on, an answer not be taken.
  public var idleMilliseconds = Limits.controlIdleMilliseconds
  /// How long a whole body may take, save that of an apply.
  public var bodyMilliseconds = Limits.controlBodyMilliseconds
  /// How long is read what comes after an answer.
  public var lingerMilliseconds = Limits.controlLingerMilliseconds
  /// How long a request waits for a daemon that still reads its store.
  public var loadingMilliseconds = Limits.visibilityTimeoutMilliseconds

  public init() {}
}
