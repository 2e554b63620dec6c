public import Inventory

/// A request came with another MAC than the interface has whose address it came from.
public struct MACConflict: Sendable, Hashable, CustomStringConvertible {
  /// Whose address it is.
  public var instance: InstanceID
  public var network: NetworkID
  /// The interface's own MAC, as its record has it.
  public var declared: MACAddress
  /// The MAC that the neighbour table has for the address.
  public var seen: MACAddress

  public init(
    instance: InstanceID, network: NetworkID, declared: MACAddress, seen: MACAddress
  ) {
    self.instance = instance
    self.network = network
    self.declared = declared
    self.seen = seen
  }

  public var description: String {
    "the address is instance \(instance)'s on \(network.text), whose MAC is \(declared);"
      + " the neighbour table has \(seen)"
  }
}

/// What must agree with the address before an instance is answered.
extension MetadataService {
  /// Compares what else is known of a request with the instance that has its address.
  /// - Returns: False where it does not agree and the network only wants to know; that is told of here.
  /// - Throws: The refusal, where it does not agree.
  func agrees(_ request: GuestRequest, with view: InstanceView, now: Int) throws(Refusal) -> Bool {
    if let earlier = request.caller, earlier != view.id { throw .callerChanged(earlier) }
    // Most requests come over a link without MACs or from behind a router: there is nothing to compare.
    guard request.link.mac != nil || request.link.isMACUnresolved,
      let (network, declared) = view.link(of: request), network.macCheck != .off
    else { return true }
    guard let seen = request.link.mac else {
      guard network.macCheck == .enforce else { return true }
      throw .macUnknown
    }
    guard seen != declared else { return true }
    let conflict = MACConflict(
      instance: view.id, network: network.id, declared: declared, seen: seen)
    strangers.note(request, conflict: conflict, now: now)
    guard network.macCheck == .audit else { throw .macMismatch(conflict) }
    audit(request, .macMismatch(conflict))
    return false
  }
}

extension InstanceView {
  /// The network and the MAC of the interface that has a request's address; nil where the interface
  /// has no MAC.
  fileprivate func link(of request: GuestRequest) -> (Network, MACAddress)? {
    for (interface, network) in connections {
      guard request.network == nil || request.network == interface.network,
        interface.identities.contains(request.source)
      else { continue }
      return interface.mac.map { (network, $0) }
    }
    return nil
  }
}
