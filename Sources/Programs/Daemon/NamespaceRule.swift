import HostNetwork
public import Inventory

/// An entry of `listeners` with `netns`: a socket in each namespace that the name fits.
public struct NamespaceRule: Sendable, Hashable {
  public var pattern: String
  public var address: IPAddress
  public var port: Int
  public var device: String?
  /// Whose guests ask there; nil where the namespace's name says it.
  public var network: NetworkID?
  let namespaces: NamespacePattern

  init(
    namespaces: NamespacePattern, address: IPAddress, port: Int, device: String? = nil,
    network: NetworkID? = nil
  ) {
    pattern = namespaces.description
    self.namespaces = namespaces
    self.address = address
    self.port = port
    self.device = device
    self.network = network
  }

  /// Whose guests ask in a namespace of that name; nil where the rule is not for it.
  func network(of namespace: String) -> NetworkID? {
    switch namespaces.match(namespace) {
    case .no: nil
    case .yes: network
    case .network(let network): network
    }
  }
}

/// What a listener is known by while namespaces come and go: a rule and a namespace's name.
struct NamespaceKey: Sendable, Hashable, Comparable {
  /// The rule's place in the configuration; the first that fits a namespace has precedence.
  let rule: Int
  let namespace: String

  static func < (left: NamespaceKey, right: NamespaceKey) -> Bool {
    (left.namespace, left.rule) < (right.namespace, right.rule)
  }
}

/// What is wanted of a rule in a namespace.
enum NamespaceWish: Sendable, Hashable {
  case listen(NamespaceIdentity, NetworkID)
  /// Not to be served, and why.
  case refused(NetworkID, String)
}

/// Works out which sockets there should be.
enum NamespacePlan {
  /// What may be bound once in a namespace.
  private struct Endpoint: Hashable {
    let identity: NamespaceIdentity
    let address: IPAddress
    let port: Int
    let device: String?
  }

  static func wishes(_ rules: [NamespaceRule], _ scan: NamespaceScan)
    -> [NamespaceKey: NamespaceWish]
  {
    var wishes: [NamespaceKey: NamespaceWish] = [:]
    var takers: [Endpoint: [NamespaceKey]] = [:]
    for (name, identity) in scan.namespaces {
      for (index, rule) in rules.enumerated() {
        guard let network = rule.network(of: name) else { continue }
        let key = NamespaceKey(rule: index, namespace: name)
        wishes[key] = .listen(identity, network)
        let endpoint = Endpoint(
          identity: identity, address: rule.address, port: rule.port, device: rule.device)
        takers[endpoint, default: []].append(key)
      }
    }
    for keys in takers.values where keys.count > 1 { settle(keys.sorted(), &wishes) }
    return wishes
  }

  /// Several want the same endpoint of a namespace. Of one name, the first rule has it. Of several
  /// names, which a namespace has while somebody renames it, none has it unless all mean the same
  /// network: to guess would give guests another network's answers.
  private static func settle(_ keys: [NamespaceKey], _ wishes: inout [NamespaceKey: NamespaceWish])
  {
    var first: [NamespaceKey] = []
    for key in keys {
      guard let winner = first.last, winner.namespace == key.namespace else {
        first.append(key)
        continue
      }
      refuse(key, &wishes, "listeners[\(winner.rule)] listens there already")
    }
    guard first.count > 1, let winner = first.first else { return }
    let networks = Set(first.compactMap { wishes[$0]?.network })
    let names = first.map { "'\($0.namespace)'" }.joined(separator: " and ")
    for key in networks.count > 1 ? first[...] : first.dropFirst() {
      refuse(
        key, &wishes,
        networks.count > 1
          ? "\(names) name one namespace for several networks; remove all names but one"
          : "it is the same namespace as '\(winner.namespace)', where one listens already")
    }
  }

  private static func refuse(
    _ key: NamespaceKey, _ wishes: inout [NamespaceKey: NamespaceWish], _ reason: String
  ) {
    guard let network = wishes[key]?.network else { return }
    wishes[key] = .refused(network, reason)
  }
}

extension NamespaceWish {
  var network: NetworkID {
    switch self {
    case .listen(_, let network), .refused(let network, _): network
    }
  }
}
