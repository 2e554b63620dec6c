import DiskImage
import Inventory
import OrderedCollections

/// What an injection says of itself.
struct InjectionOutput {
  let report: InjectionReport
  let isDry: Bool

  func print(_ format: OutputOptions) {
    switch format.output ?? .table {
    case .table: show()
    case let machine: Output.print(value, machine)
    }
  }

  private func show() {
    if !report.changes.isEmpty {
      var table = Table("PATH", "CHANGE", "MODE", "OWNER", "BYTES", "FOR")
      for change in report.changes {
        table.add(
          change.path, change.action.rawValue, InjectionOutput.mode(change),
          "\(change.uid):\(change.gid)", change.after.map { "\($0.revealed.count)" } ?? "",
          change.purpose)
      }
      table.print()
    }
    if isDry { for change in report.changes { showContent(of: change) } }
    for note in report.notes { Terminal.write("note: \(note)\n") }
    Swift.print(summary)
  }

  private var summary: String {
    let place = "\(report.imagePath) (\(report.form.rawValue), \(report.place))"
    if report.changes.isEmpty { return "\(place): all is in place already" }
    let count = report.changes.count == 1 ? "1 change" : "\(report.changes.count) changes"
    return isDry ? "\(place): \(count) to make; nothing was written" : "\(place): \(count) made"
  }

  private func showContent(of change: InjectionChange) {
    guard change.before != nil || change.after != nil else { return }
    Swift.print(Terminal.bold("\n\(change.path) (\(change.action.rawValue))"))
    guard change.isShown, let before = InjectionOutput.lines(change.before),
      let after = InjectionOutput.lines(change.after)
    else {
      Swift.print("  the content is not shown")
      return
    }
    LineDiff.print(from: before, to: after)
  }

  /// Nil for what is no text: a terminal takes no bytes that an image chose.
  private static func lines(_ content: Secret<[UInt8]>?) -> [String]? {
    guard let content else { return [] }
    guard let text = String(validating: content.revealed, as: UTF8.self) else { return nil }
    let isPlain = text.unicodeScalars.allSatisfy { scalar in
      scalar == "\n" || scalar == "\t" || scalar.properties.generalCategory != .control
    }
    guard isPlain else { return nil }
    return text.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
  }

  private static func mode(_ change: InjectionChange) -> String {
    let digits = String(change.mode, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  private var value: JSONValue {
    [
      "image": .string(report.imagePath), "format": .string(report.form.rawValue),
      "fileSystem": .string(report.place),
      "networking": JSONValue(report.networking?.rawValue), "written": .bool(report.wasWritten),
      "changes": .array(report.changes.map(InjectionOutput.value)),
      "notes": .array(report.notes.map(JSONValue.string)),
    ]
  }

  private static func value(_ change: InjectionChange) -> JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [
      "path": .string(change.path), "action": .string(change.action.rawValue),
      "kind": change.isDirectory ? "directory" : "file", "mode": .string(mode(change)),
      "uid": JSONValue(Int(change.uid)), "gid": JSONValue(Int(change.gid)),
      "for": .string(change.purpose),
    ]
    members["label"] = change.label.map(JSONValue.string)
    members["bytes"] = change.after.map { JSONValue($0.revealed.count) }
    return .object(members)
  }
}
