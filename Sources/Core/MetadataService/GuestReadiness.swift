public import Inventory

/// Whether this daemon would answer an instance's guest if it asked now.
///
/// It says what the daemon knows: the record, and which listeners are open. Whether a guest's packets
/// reach a listener is the doctor's question.
public struct GuestReadiness: Sendable, Hashable {
  /// A listener that is open.
  public struct Door: Sendable, Hashable {
    public var isIPv4: Bool
    /// The network whose guests ask there; nil for one that serves any.
    public var network: NetworkID?

    public init(isIPv4: Bool, network: NetworkID?) {
      self.isIPv4 = isIPv4
      self.network = network
    }

    func serves(_ address: IPAddress, on network: NetworkID) -> Bool {
      isIPv4 == address.isIPv4 && (self.network ?? network) == network
    }
  }

  /// An address that the guest is known by, on its network.
  public struct Identity: Sendable, Hashable {
    public var address: IPAddress
    public var network: NetworkID

    public init(address: IPAddress, network: NetworkID) {
      self.address = address
      self.network = network
    }
  }

  public var instance: InstanceID
  public var hostname: String
  /// The record's revision, which is what the guest would be answered from.
  public var revision: Revision
  /// By which addresses the guest would be answered.
  public var answered: [Identity]
  /// Why it would not be answered by others, or at all; a sentence each.
  public var problems: [String]

  public var isReady: Bool { !answered.isEmpty }

  /// - Returns: Nil where the instance is not declared.
  init?(of id: InstanceID, in catalog: borrowing Catalog, doors: [Door]) {
    guard let view = catalog.view(of: id) else { return nil }
    instance = id
    hostname = view.instance.hostname.string
    revision = view.revision
    answered = []
    problems = []
    guard view.metadataOptions.httpEndpoint == .enabled else {
      problems.append("metadataOptions.httpEndpoint is disabled")
      return
    }
    for interface in view.instance.interfaces {
      for address in interface.identities {
        let identity = Identity(address: address, network: interface.network)
        if let problem = GuestReadiness.problem(of: identity, as: id, in: catalog, doors) {
          problems.append(problem)
        } else {
          answered.append(identity)
        }
      }
    }
    if answered.isEmpty, problems.isEmpty {
      problems.append(
        "it has neither an address nor a MAC, so its guest cannot be known; declare interfaces")
    }
  }

  private static func problem(
    of identity: Identity, as id: InstanceID, in catalog: borrowing Catalog, _ doors: [Door]
  ) -> String? {
    let serving = doors.filter { $0.serves(identity.address, on: identity.network) }
    guard !serving.isEmpty else {
      let family = identity.address.isIPv4 ? "IPv4" : "IPv6"
      return "\(identity.address): no \(family) listener is open for the network "
        + identity.network.text
    }
    for door in serving {
      if case .instance(let view) = catalog.find(identity.address, on: door.network),
        view.id == id
      {
        return nil
      }
    }
    return
      "\(identity.address): other networks have this address too, and the listener serves any; "
      + "give \(identity.network.text) a listener of its own"
  }
}

extension MetadataService {
  /// Whether an instance's guest would be answered, and the revision that this was seen at.
  /// - Returns: Nil in place of the readiness where the instance is not declared.
  public func readiness(of id: InstanceID, doors: [GuestReadiness.Door])
    -> (readiness: GuestReadiness?, seenAt: Revision)
  {
    catalog.read { (GuestReadiness(of: id, in: $0, doors: doors), $0.revision) }
  }
}
