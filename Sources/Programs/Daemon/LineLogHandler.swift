import Foundation
import Inventory
public import Logging
import OrderedCollections

/// Writes one line a message to standard error: text for people, or JSON for collectors.
public struct LineLogHandler: LogHandler {
  public var logLevel: Logger.Level
  public var metadata: Logger.Metadata = [:]
  private let label: String
  private let format: LogFormat

  public init(label: String, level: Logger.Level, format: LogFormat) {
    self.label = label
    logLevel = level
    self.format = format
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
      .sorted { $0.key < $1.key }
    let time = Date.now.formatted(.iso8601.time(includingFractionalSeconds: true))
    let line: String
    switch format {
    case .text:
      let pairs = all.map { " \($0.key)=\(LineLogHandler.quoted("\($0.value)"))" }.joined()
      line = "\(time) \(event.level) \(label): \(event.message)\(pairs)\n"
    case .json:
      var members: JSONValue = [
        "time": .string(time), "level": .string("\(event.level)"), "logger": .string(label),
        "message": .string("\(event.message)"),
      ]
      if case .object(var object) = members {
        for (key, value) in all where object[key] == nil { object[key] = .string("\(value)") }
        members = .object(object)
      }
      line = members.text + "\n"
    }
    FileHandle.standardError.write(Data(line.utf8))
  }

  /// A value as it may stand in a line: what a guest sent must not look like another line.
  private static func quoted(_ text: String) -> String {
    let plain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
    return plain && !text.isEmpty ? text : JSONValue.string(text).text
  }
}
