import Configuration
import Foundation
import Inventory
import Manifest
import OrderedCollections

/// A configuration that cannot be used, in words that say what to do.
public struct ConfigurationError: Error, CustomStringConvertible, Sendable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// A setting's value and where it came from.
public struct SettingValue: Sendable {
  public let text: String
  /// `default`, `file PATH`, `environment VARIABLE` or `flag --NAME`.
  public let source: String
}

/// Where settings come from: flags over the environment over the file over the defaults.
public struct SettingSources: Sendable {
  private let layers: [(provider: any ConfigProvider, label: @Sendable (Setting) -> String)]
  private let surroundings: Surroundings

  /// - Parameters:
  ///   - file: The YAML file; nil for none. A named file must exist.
  ///   - flags: What the command line said.
  public init(file: String?, flags: [Setting: String], surroundings: Surroundings)
    throws(ConfigurationError)
  {
    self.surroundings = surroundings
    let variables = surroundings.environment.filter { $0.key.hasPrefix("NAMEPLATE_") }
    var layers: [(any ConfigProvider, @Sendable (Setting) -> String)] = [
      (SettingSources.memory("flags", flags), { "flag \($0.flag)" }),
      (
        KeyMappingProvider(
          upstream: EnvironmentVariablesProvider(environmentVariables: variables),
          keyMapper: { $0.prepending("nameplate") }),
        { "environment \($0.environmentVariable)" }
      ),
    ]
    if let file {
      let values = try SettingSources.read(file: file)
      layers.append((SettingSources.memory("file", values), { _ in "file \(file)" }))
    }
    self.layers = layers.map { (provider: $0.0, label: $0.1) }
  }

  /// What is in force for a setting.
  public func value(of setting: Setting) -> SettingValue {
    let key = AbsoluteConfigKey([setting.rawValue])
    for (provider, label) in layers {
      if let found = try? provider.value(forKey: key, type: .string).value,
        case .string(let text) = found.content
      {
        return SettingValue(text: text, source: label(setting))
      }
    }
    return SettingValue(text: setting.defaultValue(in: surroundings), source: "default")
  }

  private static func memory(_ name: String, _ values: [Setting: String]) -> InMemoryProvider {
    InMemoryProvider(
      name: name,
      values: Dictionary(
        uniqueKeysWithValues: values.map { setting, text in
          (
            AbsoluteConfigKey([setting.rawValue]),
            ConfigValue(.string(text), isSecret: setting.isSecret)
          )
        }))
  }

  /// Reads the YAML file into one text a setting; a key that is not known is an error.
  private static func read(file: String) throws(ConfigurationError) -> [Setting: String] {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw ConfigurationError("\(file): cannot be read; does it exist, and may this user read it?")
    }
    guard data.count <= 1024 * 1024 else {
      throw ConfigurationError("\(file): is larger than 1 MiB, which no configuration is")
    }
    let documents: [ManifestDocument]
    do {
      documents = try readDocuments(text: String(decoding: data, as: UTF8.self), name: file)
    } catch {
      throw ConfigurationError(error.description)
    }
    guard let document = documents.first else { return [:] }
    guard documents.count == 1, let members = document.value.object else {
      throw ConfigurationError("\(file): must be a map of settings, like 'metadata_port: 8775'")
    }
    var values: [Setting: String] = [:]
    for (name, value) in members {
      let place = "\(file):\(document.lines.line(of: name))"
      guard let setting = Setting(rawValue: name) else {
        let known = Setting.allCases.map(\.rawValue).joined(separator: ", ")
        throw ConfigurationError("\(place): '\(name)' is not a setting; known are \(known)")
      }
      values[setting] = try text(of: value, for: setting, at: place)
    }
    return values
  }

  /// The value as a variable or a flag would have it; JSON's lists are YAML's too.
  private static func text(of value: JSONValue, for setting: Setting, at place: String)
    throws(ConfigurationError) -> String
  {
    switch value {
    case .null: return ""
    case .string(let text): return text
    case .bool, .number: return value.text
    case .array where setting.isList, .object where setting.isMap: return value.text
    case .array, .object:
      throw ConfigurationError("\(place): \(setting.rawValue) must be one value")
    }
  }
}
