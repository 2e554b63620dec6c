import ArgumentParser
import ControlClient
import HostNetwork
import HostProcess
import Inventory

struct GuardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guard",
    abstract: "Keeps a guest's port to its own MAC and addresses.",
    discussion: """
      The rules stand on the port itself (nftables, netdev ingress), one table a port. They stay when \
      the daemon stops, and go with `remove`.

      Examples:
        nameplate redirect guard install --device tap5 --instance 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
        nameplate redirect guard show --device tap5 --mac fa:16:3e:00:00:05 --address 10.20.0.5
        nameplate redirect guard check --device tap5 --instance 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
        nameplate redirect guard remove --device tap5
      """,
    subcommands: [GuardInstall.self, GuardShow.self, GuardRemove.self, GuardCheck.self])
}

/// Which port, in which namespace.
struct PortOptions: ParsableArguments {
  @Option(help: "The guest's port on this host, such as its tap device.")
  var device: String
  @Option(help: "The network namespace that the port is in; else this one.")
  var netns: String?

  var guards: PortGuards { PortGuards(tools: HostTools(namespace: netns)) }
}

/// Whose port it is.
struct PortOwnerOptions: ParsableArguments {
  @Option(help: "The instance, whose MAC and addresses the daemon knows.")
  var instance: InstanceID?
  @Option(help: "The network of its interface, where it has several.")
  var network: String?
  @Option(help: "The guest's MAC, where no instance is named.")
  var mac: String?
  @Option(
    name: .customLong("address"), help: "An address that the guest may use; any number of them.")
  var addresses: [String] = []
  @OptionGroup var daemon: DaemonOptions

  func validate() throws {
    if (instance == nil) == (mac == nil) {
      throw ValidationError("name the guest with --instance, or with --mac and --address")
    }
    if network != nil && instance == nil {
      throw ValidationError("--network says which interface of an --instance is meant")
    }
  }

  /// The rules of a port. With an instance, `--address` adds to the declared ones.
  func portGuard(_ device: String) async throws -> PortGuard {
    let more = try addresses.map { text in
      guard let address = IPAddress(text) else {
        throw ValidationError("--address: '\(text)' is no IP address")
      }
      return address
    }
    guard let instance else {
      guard let mac, let address = MACAddress(mac) else {
        throw ValidationError("--mac: '\(mac ?? "")' is no MAC like fa:16:3e:00:00:05")
      }
      return try PortGuard(device: device, mac: address, addresses: more)
    }
    let (mac, declared) = try await interface(instance)
    return try PortGuard(device: device, mac: mac, addresses: declared + more)
  }

  private func interface(_ id: InstanceID) async throws -> (MACAddress, [IPAddress]) {
    let record = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.get(ResourceID(kind: .instance, text: id.description))
    }
    let all = record.resource.instance?.interfaces ?? []
    let matching = all.filter { network == nil || $0.network.text == network }
    guard let interface = matching.first, matching.count == 1 else {
      let names = all.map(\.network.text).joined(separator: ", ")
      throw ValidationError(
        "the instance has \(matching.count) such interfaces; name one with --network (\(names)), or"
          + " say --mac and --address")
    }
    guard let mac = interface.mac else {
      throw ValidationError(
        "the instance's interface on \(interface.network.text) has no mac; declare it, or say --mac"
          + " and --address")
    }
    return (mac, interface.addresses.map(\.ip))
  }
}
