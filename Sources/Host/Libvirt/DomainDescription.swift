public import Inventory

/// What a libvirt domain says of itself, as far as an instance follows from it.
public struct DomainDescription: Sendable, Hashable {
  public var name: String
  public var uuid: InstanceID
  public var cards: [Card]
  /// The text of the element `instance` of our namespace; nil where the domain has none.
  public var ownText: String?

  /// A network card.
  public struct Card: Sendable, Hashable {
    public var mac: MACAddress
    /// The libvirt network or the bridge that it is plugged into.
    public var source: String?
    /// The host's device.
    public var device: String?

    public init(mac: MACAddress, source: String? = nil, device: String? = nil) {
      self.mac = mac
      self.source = source
      self.device = device
    }
  }

  /// The namespace of our element in a domain's metadata.
  public static let namespace = "urn:nameplate:libvirt:1"

  public init(name: String, uuid: InstanceID, cards: [Card] = [], ownText: String? = nil) {
    self.name = name
    self.uuid = uuid
    self.cards = cards
    self.ownText = ownText
  }
}

/// Why a domain's XML cannot be used.
public struct DomainError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

extension Limits {
  /// A domain's XML. libvirt's own bound for a message is 32 MiB; real domains have 10 KiB.
  public static let maximumDomainBytes = 4 * 1024 * 1024
  /// libvirt's elements nest ten levels.
  public static let maximumDomainDepth = 64
}
