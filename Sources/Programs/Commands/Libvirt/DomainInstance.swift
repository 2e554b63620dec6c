import Inventory
import Libvirt
import Manifest
import OrderedCollections

/// The instance that a libvirt domain declares.
///
/// The element of ours in the domain's metadata holds the fields of a manifest as YAML. What it leaves
/// out follows from the domain: the id is its UUID, the names are its name, the interfaces are its cards.
enum DomainInstance {
  typealias Members = OrderedDictionary<String, JSONValue>

  struct Unusable: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  /// - Parameters:
  ///   - networks: The networks that are declared; a card on another one is on `default`.
  ///   - host: This host, by which a later release knows whose record it is.
  static func resource(_ domain: DomainDescription, networks: Set<NetworkID>, host: String) throws
    -> Resource
  {
    var members: Members = [
      "kind": "Instance", "id": .string(domain.uuid.description), "name": .string(domain.name),
      "hostname": .string(hostname(domain.name)), "host": .string(host),
    ]
    for (field, value) in try fields(domain.ownText ?? "") {
      switch field {
      case "kind" where value != "Instance": throw Unusable("kind must be Instance")
      case "id" where value.string.flatMap({ InstanceID($0) }) != domain.uuid:
        throw Unusable("id must be the domain's UUID, \(domain.uuid); it may be left out")
      case "host" where value.string != host:
        throw Unusable("host is this host, \(host); it may be left out")
      default: members[field] = value
      }
    }
    members["interfaces"] = .array(
      try interfaces(members["interfaces"] ?? .null, domain.cards, networks))
    do {
      return try Resource(reading: .object(members))
    } catch {
      throw Unusable("\(error)")
    }
  }

  /// The element's text as a map. XML is indented as a whole, YAML by its first line.
  private static func fields(_ text: String) throws -> Members {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let isBlank = { (line: Substring) in line.allSatisfy { $0 == " " || $0 == "\t" || $0 == "\r" } }
    let margin =
      lines.filter { !isBlank($0) }.map { $0.prefix { $0 == " " || $0 == "\t" }.count }.min() ?? 0
    let shifted = lines.map { isBlank($0) ? "" : $0.dropFirst(margin) }.joined(separator: "\n")
    let documents = try readDocuments(text: shifted, name: "the domain's instance element")
    guard documents.count <= 1 else { throw Unusable("the element holds more than one document") }
    guard let value = documents.first?.value else { return [:] }
    guard let members = value.object else {
      throw Unusable("the element must hold a map, such as `hostname: web-1`")
    }
    return members
  }

  /// The declared interfaces with what the domain says of their cards: by MAC where one is named, else
  /// one after the other. Cards that are not named follow.
  private static func interfaces(
    _ declared: JSONValue, _ cards: [DomainDescription.Card], _ networks: Set<NetworkID>
  ) throws -> [JSONValue] {
    guard declared == .null || declared.array != nil else {
      throw Unusable("interfaces must be a list")
    }
    let declared = declared.array ?? []
    let named = Set(
      declared.compactMap { $0["mac"]?.string.flatMap { MACAddress($0.lowercased()) } })
    var rest = cards.filter { !named.contains($0.mac) }[...]
    var result: [JSONValue] = []
    for (index, value) in declared.enumerated() {
      guard case .object(var members) = value else {
        throw Unusable("interfaces[\(index)] must be a map")
      }
      let card: DomainDescription.Card?
      if let text = members["mac"]?.string {
        card = cards.first { $0.mac == MACAddress(text.lowercased()) }
        guard card != nil else {
          throw Unusable("interfaces[\(index)].mac: the domain has no card \(text)")
        }
      } else {
        card = rest.popFirst()
        guard card != nil else {
          throw Unusable("interfaces[\(index)]: the domain has only \(cards.count) cards")
        }
      }
      if let card {
        members.merge(self.members(of: card, networks)) { declared, _ in declared }
      }
      result.append(.object(members))
    }
    return result + rest.map { .object(members(of: $0, networks)) }
  }

  private static func members(of card: DomainDescription.Card, _ networks: Set<NetworkID>)
    -> Members
  {
    var members: Members = ["mac": .string(card.mac.description)]
    if let network = card.source.flatMap({ NetworkID($0) }), networks.contains(network) {
      members["network"] = .string(network.text)
    }
    if let device = card.device { members["device"] = .string(device) }
    return members
  }

  /// The domain's name as a host name: what cannot stand in one becomes a dash.
  static func hostname(_ name: String) -> String {
    let letters = name.lowercased().unicodeScalars.map { scalar -> Character in
      let isAllowed =
        ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) || scalar == "."
      return isAllowed ? Character(scalar) : "-"
    }
    let labels = String(letters).split(separator: ".").map { label in
      var label = label.prefix(63)
      while label.first == "-" { label.removeFirst() }
      while label.last == "-" { label.removeLast() }
      return label
    }
    let whole = labels.filter { !$0.isEmpty }.joined(separator: ".")
    return whole.isEmpty ? "localhost" : String(whole.prefix(Limits.maximumHostnameCharacters))
  }
}
