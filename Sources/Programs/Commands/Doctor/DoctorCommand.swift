import ArgumentParser
import ControlAPI
import ControlClient
import Daemon
import Foundation
import HostNetwork
import HostProcess
import Inventory

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract:
      "Finds the link that is broken between a guest and the daemon, and says what mends it.",
    discussion: """
      Run it as root on the network host, with the daemon's configuration. Exits 1 where a link is \
      broken.

      Examples:
        nameplate doctor
        nameplate doctor --as-guest 10.20.0.5
        nameplate doctor --from qdhcp-net-a
        nameplate doctor --netns qrouter-1 --from guest-1 --output json
      """)

  @OptionGroup var settings: SettingOptions
  @Option(help: "The network namespace that is the guests' router; else this one.")
  var netns: String?
  @Option(help: "A network namespace on the guest's side, to ask from as a guest does.")
  var from: String?
  @Option(name: .customLong("as-guest"), help: "The address of the guest that is asked about.")
  var asGuest: String?
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let configuration = try DaemonConfiguration(try settings.sources())
    var guest: IPAddress?
    if let asGuest {
      guest = IPAddress(asGuest)
      guard guest != nil else { throw ValidationError("--as-guest: '\(asGuest)' is no IP address") }
    }
    for namespace in [netns, from].compactMap(\.self) {
      guard FileManager.default.fileExists(atPath: "/run/netns/\(namespace)") else {
        throw Unusable(
          description:
            "there is no network namespace '\(namespace)'; `ip netns list` names those there are")
      }
    }
    let client = try ControlClient(try daemon.endpoint(else: configuration.controlSocket))
    let findings = await examine(configuration, guest, client)
    await client.shutdown()
    switch format.output ?? .table {
    case .table: DoctorCommand.show(findings)
    case let machine:
      Output.print(
        [
          "ok": .bool(findings.doctorExitStatus == 0), "findings": .array(findings.map(\.json)),
        ], machine)
    }
    if findings.doctorExitStatus != 0 { throw ExitCode(findings.doctorExitStatus) }
  }

  private func examine(
    _ configuration: DaemonConfiguration, _ guest: IPAddress?, _ client: ControlClient
  ) async -> [DoctorFinding] {
    let settings = configuration.redirect
    let redirect = try? settings.redirect(namespace: netns)
    let guests =
      settings.guests.isEmpty ? await DoctorCommand.guestBlocks(client) : settings.guests
    let question = DoctorQuestion(
      metadataHost: settings.metadataHost ?? settings.metadataHostIPv6,
      metadataPort: settings.metadataPort, shape: configuration.doctorShape, guests: guests,
      asGuest: guest,
      redirect: {
        guard let report = try await redirect?.check() else { return nil }
        return RedirectFacts(
          isInPlace: report.isInPlace, drift: report.drift, packets: report.translatedPackets,
          backend: report.backend.rawValue)
      })
    let hasDaemon = (try? await client.health()) != nil
    let doctor = Doctor(
      question: question, host: HostTools(namespace: netns),
      guest: from.map { HostTools(namespace: $0) },
      daemon: hasDaemon ? DoctorDaemon(asking: client) : nil)
    return await doctor.examine()
  }

  /// The addresses of all declared networks.
  private static func guestBlocks(_ client: ControlClient) async -> [CIDR] {
    let records = (try? await client.listAll(.network)) ?? []
    return records.flatMap { record -> [CIDR] in
      guard case .network(let network) = record.resource else { return [] }
      return network.subnets.map(\.cidr)
    }
  }

  private static func show(_ findings: [DoctorFinding]) {
    for line in findings.doctorTable.split(separator: "\n") {
      switch line.first {
      case "✓": print(Terminal.green("✓") + line.dropFirst())
      case "✗": print(Terminal.red("✗") + line.dropFirst())
      default: print(line)
      }
    }
    let broken = findings.filter { $0.status == .failed }.map(\.id)
    print(
      broken.isEmpty
        ? "\nNo link is broken, of those that could be looked at."
        : "\n\(Terminal.red("Broken: \(broken.joined(separator: ", "))"))")
  }
}
