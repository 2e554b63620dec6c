public import ControlServer
public import Dialects
import Foundation
public import GuestServer
public import Inventory
public import Logging
import Manifest
public import MetadataService
import OrderedCollections

/// The daemon's configuration, checked.
public struct DaemonConfiguration: Sendable {
  public var stateDirectory: String
  public var controlSocket: String
  public var controlAllowedUIDs: Set<UInt32>
  /// Where operators are listened to on the network; nil for nowhere.
  public var controlNetwork: ControlNetwork?
  public var listeners: [ListenerConfiguration]
  /// The listeners in network namespaces, which come and go.
  public var namespaceRules: [NamespaceRule]
  /// The routers between a guest that is behind one and this host; nil where one is taken for
  /// granted.
  public var metadataRouters: Int?
  public var dhcpDomain: String
  /// For instances that neither themselves nor by their project say otherwise.
  public var metadataOptions: MetadataOptions.Declared
  public var vendorData: JSONValue
  public var vendorDataTargets: [VendorDataTarget]
  public var vendorDataFailureIsFatal: Bool
  public var vendorDataCacheSeconds: Int
  public var unknownGuestHoldSeconds: Double
  public var budgets: GuestBudgets
  /// Whose names guests may ask by.
  public var hosts: HostRule
  /// Between two backups of the store; zero for none.
  public var backupInterval: Duration
  public var backupsKept: Int
  public var logLevel: Logger.Level
  public var logFormat: LogFormat
  public var redirect: RedirectSettings

  /// Reads and checks every setting; the first that cannot be used is named with its source.
  public init(_ sources: SettingSources) throws(ConfigurationError) {
    let read = SettingReader(sources: sources)
    stateDirectory = try read.path(.stateDirectory)
    controlSocket = try read.path(.controlSocket)
    controlAllowedUIDs = Set(
      try read.list(.controlAllowedUIDs) {
        // Between commas, numbers are text.
        UInt32($0.integer ?? $0.string.flatMap { Int($0) } ?? -1, clamped: ())
      })
    metadataRouters =
      read.text(.metadataRouters) == "auto"
      ? nil : try read.count(.metadataRouters, in: 0...63)
    controlNetwork = try ControlSettings.network(read)
    dhcpDomain = try read.domain(.dhcpDomain)
    metadataOptions = try read.metadataOptions(.metadataOptions)
    vendorData = try read.vendorData(.vendordataJSONFilePath)
    vendorDataTargets = try read.targets(.vendordataDynamicTargets)
    vendorDataFailureIsFatal = try read.bool(.vendordataDynamicFailureFatal)
    vendorDataCacheSeconds = try read.count(.vendordataDynamicCacheSeconds, in: 0...86_400)
    unknownGuestHoldSeconds = try read.number(.unknownGuestHoldSeconds, in: 0...60)
    budgets = try GuestBudgets(read)
    backupInterval = .seconds(try read.number(.backupIntervalHours, in: 0...8760) * 3600)
    backupsKept = try read.count(.backupKeep, in: 1...1000)
    logLevel = try read.word(.logLevel)
    logFormat = try read.word(.logFormat)
    listeners = [
      ListenerConfiguration(
        address: try read.address(.metadataListen),
        port: try read.count(.metadataPort, in: 1...65_535))
    ]
    namespaceRules = []
    for listener in try read.listeners(.listeners) {
      switch listener {
      case .here(let listener): listeners.append(listener)
      case .inNamespaces(let rule): namespaceRules.append(rule)
      }
    }
    do {
      try ListenerSetting.checkRules(namespaceRules)
    } catch {
      throw read.error(.listeners, error.description)
    }
    redirect = try RedirectSettings(read, listeners, stateDirectory: stateDirectory)
    hosts = HostRule(
      check: try read.word(.hostCheck), names: try read.list(.metadataNames, read.hostName),
      addresses: listeners.map(\.address) + namespaceRules.map(\.address)
        + [redirect.metadataHost, redirect.metadataHostIPv6].compactMap { $0 })
  }
}

extension RenderSettings {
  /// The settings that show in documents, for a program that serves nobody.
  public convenience init(_ sources: SettingSources) throws(ConfigurationError) {
    let read = SettingReader(sources: sources)
    self.init(
      dhcpDomain: try read.domain(.dhcpDomain),
      vendorData: try read.vendorData(.vendordataJSONFilePath))
  }
}

/// How log lines are written.
public enum LogFormat: String, Sendable, CaseIterable {
  case text
  case json
}

extension UInt32 {
  fileprivate init?(_ value: Int, clamped: Void) {
    guard let exact = UInt32(exactly: value) else { return nil }
    self = exact
  }
}

/// Reads one setting at a time; errors name the setting and its source.
struct SettingReader {
  let sources: SettingSources

  func error(_ setting: Setting, _ message: String) -> ConfigurationError {
    ConfigurationError("\(setting.rawValue) (\(sources.value(of: setting).source)): \(message)")
  }

  func text(_ setting: Setting) -> String { sources.value(of: setting).text }

  func path(_ setting: Setting) throws(ConfigurationError) -> String {
    let path = text(setting)
    guard !path.isEmpty else { throw error(setting, "must be a path") }
    return URL(fileURLWithPath: path).path
  }

  func number(_ setting: Setting, in range: ClosedRange<Double>) throws(ConfigurationError)
    -> Double
  {
    guard let value = Double(text(setting)), range.contains(value) else {
      throw error(
        setting,
        "'\(text(setting))' is not a number from \(Int(range.lowerBound)) to \(Int(range.upperBound))"
      )
    }
    return value
  }

  /// A fraction is refused: cut off, half a request a second would be 0, which is no bound.
  func count(_ setting: Setting, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
    guard let value = Int(text(setting)), range.contains(value) else {
      throw error(
        setting,
        "'\(text(setting))' is not a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func bool(_ setting: Setting) throws(ConfigurationError) -> Bool {
    switch text(setting).lowercased() {
    case "true", "yes", "on", "1": return true
    case "false", "no", "off", "0": return false
    default: throw error(setting, "'\(text(setting))' is neither true nor false")
    }
  }

  func word<Word: RawRepresentable<String> & CaseIterable>(_ setting: Setting)
    throws(ConfigurationError) -> Word
  {
    guard let word = Word(rawValue: text(setting)) else {
      let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw error(setting, "'\(text(setting))' is not one of \(words)")
    }
    return word
  }

  func address(_ setting: Setting) throws(ConfigurationError) -> IPAddress {
    guard let address = IPAddress(text(setting)) else {
      throw error(setting, "'\(text(setting))' is not an IP address")
    }
    return address
  }

  func optionalAddress(_ setting: Setting) throws(ConfigurationError) -> IPAddress? {
    text(setting).isEmpty ? nil : try address(setting)
  }

  func domain(_ setting: Setting) throws(ConfigurationError) -> String {
    let domain = text(setting)
    guard domain.isEmpty || isDomain(domain) else {
      throw error(setting, "'\(domain)' is not a domain name like example.internal")
    }
    return domain
  }

  private func isDomain(_ text: String) -> Bool {
    let allowed = text.utf8.allSatisfy {
      ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A || (0x30...0x39).contains($0)
        || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
    }
    return allowed && !text.isEmpty && text.utf8.count <= Limits.maximumHostnameCharacters
      && !text.hasPrefix(".") && !text.hasSuffix(".")
  }

  /// A name or address that guests ask by.
  func hostName(_ value: JSONValue) -> String? {
    value.string.flatMap { isDomain($0) || IPAddress($0) != nil ? $0 : nil }
  }

  /// - Parameter form: What an element must be, where it may hold a secret and so is not repeated.
  func list<Element>(_ setting: Setting, form: String? = nil, _ read: (JSONValue) -> Element?)
    throws(ConfigurationError) -> [Element]
  {
    var elements: [Element] = []
    for (index, value) in try values(setting).enumerated() {
      guard let element = read(value) else {
        throw error(
          setting,
          form.map { "number \(index + 1) is not \($0)" }
            ?? "'\(value.text)' cannot stand in this list")
      }
      elements.append(element)
    }
    return elements
  }

  func targets(_ setting: Setting) throws(ConfigurationError) -> [VendorDataTarget] {
    let form = "NAME@URL, like hook@http://10.0.0.4:9090/"
    let targets = try list(setting, form: form) { value -> VendorDataTarget? in
      guard let text = value.string, let at = text.firstIndex(of: "@") else { return nil }
      let url = String(text[text.index(after: at)...])
      guard url.hasPrefix("http://") || url.hasPrefix("https://"), at > text.startIndex else {
        return nil
      }
      return VendorDataTarget(name: String(text[..<at]), url: url)
    }
    guard targets.count <= Limits.maximumDynamicVendorDataTargets else {
      throw error(
        setting, "has more than \(Limits.maximumDynamicVendorDataTargets) targets")
    }
    return targets
  }

  func vendorData(_ setting: Setting) throws(ConfigurationError) -> JSONValue {
    let path = text(setting)
    guard !path.isEmpty else { return [:] }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw error(setting, "\(path) cannot be read; does it exist, and may this user read it?")
    }
    let value: JSONValue
    do {
      value = try JSONValue(parsing: Array(data))
    } catch {
      throw self.error(setting, "\(path) is not JSON: \(error)")
    }
    guard value.object != nil else { throw error(setting, "\(path) must hold a JSON object") }
    return value
  }

  func listeners(_ setting: Setting) throws(ConfigurationError) -> [ListenerSetting] {
    var listeners: [ListenerSetting] = []
    for (index, value) in try values(setting).enumerated() {
      do {
        listeners.append(try ListenerSetting(reading: value, path: "listeners[\(index)]"))
      } catch {
        throw self.error(setting, error.description)
      }
    }
    return listeners
  }

  func metadataOptions(_ setting: Setting) throws(ConfigurationError) -> MetadataOptions.Declared {
    let value = try yaml(setting)
    guard value != .null else { return MetadataOptions.Declared() }
    do {
      return try MetadataOptions.Declared(reading: value, path: "")
    } catch {
      throw self.error(setting, error.description)
    }
  }

  private func yaml(_ setting: Setting) throws(ConfigurationError) -> JSONValue {
    do {
      return try readDocuments(text: text(setting), name: setting.rawValue).first?.value ?? .null
    } catch {
      throw ConfigurationError("\(sources.value(of: setting).source): \(error)")
    }
  }

  private func values(_ setting: Setting) throws(ConfigurationError) -> [JSONValue] {
    let value = try yaml(setting)
    switch value {
    case .null: return []
    case .array(let elements): return elements
    case .string(let text) where !text.isEmpty:
      return text.split(separator: ",").map { .string(String($0).trimmed) }
    case .number: return [value]
    default: throw error(setting, "must be a list")
    }
  }
}
