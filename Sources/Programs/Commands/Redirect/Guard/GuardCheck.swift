import ArgumentParser
import ControlAPI
import HostNetwork
import Inventory

struct GuardCheck: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract:
      "Says what is missing or wrong at a port, and what was dropped; exits 1 on the former.",
    discussion: """
      Examples:
        nameplate redirect guard check --device tap5 --instance 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
        nameplate redirect guard check --device tap5 --mac fa:16:3e:00:00:05 --output json
      """)

  @OptionGroup var port: PortOptions
  @OptionGroup var owner: PortOwnerOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let report = try await port.guards.check(try await owner.portGuard(port.device))
    switch format.output ?? .table {
    case .table:
      print(report.isInPlace ? Terminal.green("✓ in place") : Terminal.red("✗ not in place"))
      for line in report.drift { print("  \(line)") }
      for drop in report.drops where drop.packets > 0 {
        print("dropped, \(drop.reason): \(drop.packets)")
      }
    case let machine:
      let drops = report.drops.map { ($0.reason, JSONValue(Int(clamping: $0.packets))) }
      Output.print(
        [
          "inPlace": .bool(report.isInPlace),
          "drift": .array(report.drift.map { .string($0) }), "dropped": .object(drops),
        ], machine)
    }
    if !report.isInPlace { throw ExitCode(1) }
  }
}
