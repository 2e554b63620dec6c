public import Inventory

/// What the kernel knows of the way to whoever sent a request; nothing of it comes from the guest.
public struct LinkFacts: Sendable, Hashable {
  /// The MAC that the neighbour table has for the source address, where the guest and the listener
  /// share a link; nil where they do not, or where the link has no MACs.
  public var mac: MACAddress?
  /// Whether the link has MACs and the table has none for the address just now.
  public var isMACUnresolved = false
  /// The routers between the guest and the listener's host.
  public var routers = 0

  public init() {}
}
