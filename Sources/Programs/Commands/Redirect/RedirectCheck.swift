import ArgumentParser
import ControlAPI
import HostNetwork
import Inventory

struct RedirectCheck: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Says what is missing or wrong, and exits 1 where something is.",
    discussion: """
      Examples:
        nameplate redirect check
        nameplate redirect check --output json
      """)

  @OptionGroup var options: RedirectOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let report = try await options.redirect().check()
    switch format.output ?? .table {
    case .table: RedirectCheck.show(report)
    case let machine: Output.print(RedirectCheck.form(report), machine)
    }
    if !report.isInPlace { throw ExitCode(1) }
  }

  private static func show(_ report: RedirectReport) {
    print(report.isInPlace ? Terminal.green("✓ in place") : Terminal.red("✗ not in place"))
    for line in report.drift { print("  \(line)") }
    if report.backend != .auto {
      print("backend: \(report.backend.rawValue) (\(report.backendReason))")
    }
    if let packets = report.translatedPackets { print("connections redirected: \(packets)") }
    for note in report.notes { print("note: \(note)") }
  }

  private static func form(_ report: RedirectReport) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("inPlace", .bool(report.isInPlace)),
      ("drift", .array(report.drift.map { .string($0) })),
    ]
    if report.backend != .auto {
      members.append(("backend", .string(report.backend.rawValue)))
      members.append(("backendReason", .string(report.backendReason)))
    }
    if let packets = report.translatedPackets {
      members.append(("connections", JSONValue(Int(clamping: packets))))
    }
    members.append(("notes", .array(report.notes.map { .string($0) })))
    return .object(members)
  }
}
