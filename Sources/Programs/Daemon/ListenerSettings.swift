import GuestServer
import HostNetwork
import Inventory
import OrderedCollections

/// An entry of the setting `listeners`, read and checked.
enum ListenerSetting {
  case here(ListenerConfiguration)
  case inNamespaces(NamespaceRule)

  private static let known = ["address", "port", "device", "network", "netns", "trust"]

  init(reading value: JSONValue, path: String) throws(FieldError) {
    guard let members = value.object else {
      throw FieldError(path: path, message: "must be a map like {address: 10.0.0.4, port: 8775}")
    }
    if let unknown = members.keys.first(where: { !Self.known.contains($0) }) {
      throw FieldError(
        path: "\(path).\(unknown)",
        message: "is not known here; a listener has \(Self.known.joined(separator: ", "))")
    }
    if let trust = value["trust"], trust != "none" {
      throw FieldError(path: "\(path).trust", message: "only 'none' is served yet")
    }
    guard let text = value["address"]?.string, let address = IPAddress(text) else {
      throw FieldError(path: "\(path).address", message: "must be an IP address")
    }
    let port = value["port"].map { $0.integer ?? 0 } ?? 8775
    guard (1...65_535).contains(port) else {
      throw FieldError(path: "\(path).port", message: "must be a port from 1 to 65535")
    }
    let device = try Self.device(value["device"], of: address, path)
    let network = try Self.network(value["network"], path)
    guard let netns = value["netns"] else {
      self = .here(
        ListenerConfiguration(address: address, port: port, device: device, network: network))
      return
    }
    self = .inNamespaces(
      NamespaceRule(
        namespaces: try Self.namespaces(netns, network, path), address: address, port: port,
        device: device, network: network))
  }

  private static func device(_ value: JSONValue?, of address: IPAddress, _ path: String)
    throws(FieldError) -> String?
  {
    guard let value else {
      guard !address.isLinkLocal else {
        throw FieldError(
          path: "\(path).device",
          message: "is needed: \(address) belongs to one link; name the network interface there")
      }
      return nil
    }
    guard let device = value.string, NamespaceScan.isDeviceName(device) else {
      throw FieldError(
        path: "\(path).device",
        message: "must be the name of a network interface, of 1 to 15 characters")
    }
    return device
  }

  private static func network(_ value: JSONValue?, _ path: String) throws(FieldError)
    -> NetworkID?
  {
    guard let value else { return nil }
    guard let network = value.string.flatMap(NetworkID.init) else {
      throw FieldError(
        path: "\(path).network", message: "'\(value.string ?? value.text)' is not a network's id")
    }
    return network
  }

  private static func namespaces(_ value: JSONValue, _ network: NetworkID?, _ path: String)
    throws(FieldError) -> NamespacePattern
  {
    let pattern: NamespacePattern
    do throws(NamespacePattern.Mistake) {
      pattern = try NamespacePattern(value.string ?? "")
    } catch {
      throw FieldError(path: "\(path).netns", message: error.message)
    }
    if pattern.namesNetwork, network != nil {
      throw FieldError(
        path: "\(path).network",
        message: "must not be given: the namespace's name says the network, by '\(pattern)'")
    }
    if !pattern.namesNetwork, network == nil {
      throw FieldError(
        path: "\(path).network",
        message: "is needed: addresses in namespaces overlap; name the network that"
          + " '\(pattern)' is, or put {network} into netns where the name has it")
    }
    return pattern
  }

  /// Refuses what can never be opened beside what stands before it.
  static func checkRules(_ rules: [NamespaceRule]) throws(FieldError) {
    for (index, rule) in rules.enumerated() {
      let isTaken = rules[..<index].contains {
        $0.pattern == rule.pattern && $0.address == rule.address && $0.port == rule.port
          && $0.device == rule.device
      }
      guard isTaken else { continue }
      throw FieldError(
        path: "netns '\(rule.pattern)'",
        message: "has two listeners at \(rule.address), port \(rule.port); remove one")
    }
  }
}
