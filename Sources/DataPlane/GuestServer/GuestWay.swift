public import Inventory
public import MetadataService

/// The way to a guest, as its connection's socket says it.
public struct GuestWay: Sendable, Hashable {
  public var source: IPAddress
  /// The address that the guest's packets arrived at; nil where there is none.
  public var local: IPAddress?
  /// The number of the interface that answers leave by, where the socket or a link-local source
  /// binds them to one; else 0.
  public var interface: UInt32

  public init(source: IPAddress, local: IPAddress?, interface: UInt32) {
    self.source = source
    self.local = local
    self.interface = interface
  }
}

/// Asks the kernel, in the network namespace of a listener, what it knows of the way to a guest. It
/// is called on event loops and must not wait.
public typealias LinkLookup = @Sendable (GuestWay) -> LinkFacts
