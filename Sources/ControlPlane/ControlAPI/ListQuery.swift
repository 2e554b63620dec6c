public import Inventory

/// Which records of a kind, and how many at a time.
public struct ListQuery: Sendable, Hashable {
  /// Records on a page.
  public var limit = Limits.defaultPageSize
  /// The id after which the page starts.
  public var marker: String?
  public var project: String?
  public var name: String?
  /// Instances with an interface on this network.
  public var network: NetworkID?
  /// Instances that run on this host.
  public var host: String?
  public var hostname: String?
  /// Instances that have this fixed address.
  public var address: IPAddress?

  public init() {}

  /// Reads a query. What does not belong to the kind is refused: a filter that is silently dropped
  /// shows too much.
  public init(_ pairs: [(name: String, value: String)], for kind: ResourceKind) throws(Problem) {
    let allowed = ListQuery.parameters(of: kind)
    for (name, value) in pairs {
      guard allowed.contains(name) else {
        throw Problem(
          .badRequest, "'\(name)' is not one of \(allowed.joined(separator: ", "))", field: name)
      }
      switch name {
      case "limit":
        guard let number = Int(value), (1...Limits.maximumPageSize).contains(number) else {
          throw Problem(
            .badRequest, "must be a whole number from 1 to \(Limits.maximumPageSize)",
            field: name)
        }
        limit = number
      case "marker": marker = value
      case "project": project = value
      case "name": self.name = value
      case "network":
        guard let id = NetworkID(value) else {
          throw Problem(.badRequest, "'\(value)' is not a network's id", field: name)
        }
        network = id
      case "host": host = value
      case "hostname": hostname = value
      default:
        guard let ip = IPAddress(value) else {
          throw Problem(.badRequest, "'\(value)' is not an IP address", field: name)
        }
        address = ip
      }
    }
  }

  /// The parameters that a kind's list takes.
  public static func parameters(of kind: ResourceKind) -> [String] {
    let common = ["limit", "marker", "project", "name"]
    return kind == .instance ? common + ["network", "host", "hostname", "address"] : common
  }

  /// The query as text, to ask with.
  public var text: String {
    let pairs: [(String, String?)] = [
      ("limit", String(limit)), ("marker", marker), ("project", project), ("name", name),
      ("network", network?.text), ("host", host), ("hostname", hostname),
      ("address", address?.description),
    ]
    return pairs.compactMap { name, value in
      value.map { "\(name)=\(PercentCoding.encode($0))" }
    }
    .joined(separator: "&")
  }

  /// Whether a resource is one of those asked for; `limit` and `marker` do not count here.
  public func matches(_ resource: Resource) -> Bool {
    if let project, resource.project != project { return false }
    if let name, resource.name != name { return false }
    guard let instance = resource.instance else {
      return network == nil && host == nil && hostname == nil && address == nil
    }
    if let host, instance.host != host { return false }
    if let hostname, instance.hostname != hostname { return false }
    if network == nil && address == nil { return true }
    return instance.interfaces.contains { interface in
      if let network, interface.network != network { return false }
      guard let address else { return true }
      return interface.addresses.contains { $0.ip == address }
    }
  }
}
