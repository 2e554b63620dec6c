import Foundation
import FoundationXML
import Inventory

extension DomainDescription {
  /// Whether a domain's XML can have an element of ours, without reading it: most domains have not.
  public static func mayBeOurs(_ xml: [UInt8]) -> Bool {
    Data(xml).range(of: Data(namespace.utf8)) != nil
  }

  /// Reads a domain's XML.
  ///
  /// Document types are refused before anything is read, and with them every entity: none can expand,
  /// and none can name a file. What an encoding declaration says is not believed; libvirt writes UTF-8.
  public init(xml: [UInt8]) throws(DomainError) {
    guard xml.count <= Limits.maximumDomainBytes else {
      throw DomainError("the XML is larger than \(Limits.maximumDomainBytes) bytes")
    }
    guard var text = String(validating: xml, as: UTF8.self), !text.utf8.contains(0) else {
      throw DomainError("the XML is not UTF-8")
    }
    text = String(text.drop(while: \.isWhitespace))
    if text.hasPrefix("<?xml") {
      guard let end = text.firstRange(of: "?>") else { throw DomainError("the XML ends early") }
      text = String(text[end.upperBound...])
    }
    for word in ["<!DOCTYPE", "<!ENTITY"] where text.contains(word) {
      throw DomainError("the XML has a document type; libvirt's have none")
    }
    let reader = DomainReader()
    let parser = XMLParser(data: Data(text.utf8))
    parser.shouldProcessNamespaces = true
    parser.shouldResolveExternalEntities = false
    parser.externalEntityResolvingPolicy = .never
    parser.delegate = reader
    let isWhole = parser.parse()
    if let problem = reader.problem { throw DomainError(problem) }
    guard isWhole else {
      throw DomainError("the XML cannot be read: line \(parser.lineNumber) is wrong")
    }
    self = try reader.domain()
  }
}

/// Collects what is wanted of a domain while its XML is read.
private final class DomainReader: NSObject, XMLParserDelegate {
  private var path: [String] = []
  private var hasBegun = false
  private var text = ""
  private var name: String?
  private var uuid: String?
  private var cards: [DomainDescription.Card] = []
  private var card: (mac: String?, source: String?, device: String?) = (nil, nil, nil)
  private var ownText: String?
  private(set) var problem: String?

  /// What was read. A text that ends early does not trouble the parser.
  func domain() throws(DomainError) -> DomainDescription {
    guard hasBegun, path.isEmpty else { throw DomainError("the XML ends early") }
    guard let name, !name.isEmpty else { throw DomainError("the domain has no name") }
    guard let uuid, let id = InstanceID(uuid) else { throw DomainError("the domain has no UUID") }
    return DomainDescription(name: name, uuid: id, cards: cards, ownText: ownText)
  }

  private static let ours = "{\(DomainDescription.namespace)}instance"

  func parser(
    _ parser: XMLParser, didStartElement element: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    let isOurs = namespaceURI == DomainDescription.namespace
    path.append(isOurs ? "{\(DomainDescription.namespace)}\(element)" : element)
    text = ""
    hasBegun = true
    guard path.count <= Limits.maximumDomainDepth else {
      return refuse(parser, "the XML nests more than \(Limits.maximumDomainDepth) levels")
    }
    if path.dropLast().contains(DomainReader.ours) {
      return refuse(
        parser, "the element instance of \(DomainDescription.namespace) holds YAML, no elements")
    }
    if path == ["domain", "metadata", DomainReader.ours], ownText != nil {
      return refuse(parser, "the domain has two elements instance of ours; keep one")
    }
    guard path.starts(with: ["domain", "devices", "interface"]) else { return }
    switch path.dropFirst(3) {
    case []: card = (nil, nil, nil)
    case ["mac"]: card.mac = attributes["address"]
    case ["source"]: card.source = attributes["network"] ?? attributes["bridge"]
    case ["target"]: card.device = attributes["dev"]
    default: break
    }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

  func parser(_ parser: XMLParser, foundCDATA block: Data) {
    text += String(decoding: block, as: UTF8.self)
  }

  func parser(
    _ parser: XMLParser, didEndElement element: String, namespaceURI: String?,
    qualifiedName: String?
  ) {
    switch path {
    case ["domain", "name"]: name = text
    case ["domain", "uuid"]: uuid = text.trimmingCharacters(in: .whitespacesAndNewlines)
    case ["domain", "metadata", DomainReader.ours]: ownText = text
    case ["domain", "devices", "interface"]: addCard(parser)
    default: break
    }
    text = ""
    _ = path.popLast()
  }

  private func addCard(_ parser: XMLParser) {
    // A card that passes through a host's own device has none that libvirt knows.
    guard let text = card.mac else { return }
    guard let mac = MACAddress(text.lowercased()) else {
      return refuse(parser, "'\(text)' is not a MAC address")
    }
    guard cards.count < Limits.maximumInterfaces else {
      return refuse(parser, "the domain has more than \(Limits.maximumInterfaces) interfaces")
    }
    cards.append(.init(mac: mac, source: card.source, device: card.device))
  }

  private func refuse(_ parser: XMLParser, _ problem: String) {
    self.problem = self.problem ?? problem
    parser.abortParsing()
  }
}
