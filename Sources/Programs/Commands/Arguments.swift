public import ArgumentParser
public import ConfigDrive
public import Dialects
public import Inventory

// How what the field calls by name or id is written on a command line.

extension ResourceKind: ExpressibleByArgument {
  /// Takes `instance`, `instances`, `Instance`; a key pair also as `key`.
  public init?(argument: String) {
    switch argument.lowercased() {
    case "project", "projects": self = .project
    case "network", "networks": self = .network
    case "keypair", "keypairs", "key", "keys": self = .keyPair
    case "instance", "instances": self = .instance
    default: return nil
    }
  }

  public static var allValueStrings: [String] { ["project", "network", "keypair", "instance"] }
}

extension InstanceID: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension ArgumentHelp {
  /// It is shown where what was given is no id.
  static let instanceID: ArgumentHelp = "The instance's UUID, as `nameplate list instances` has it."
}

extension Role: ExpressibleByArgument {}

extension DriveFormat: ExpressibleByArgument {}

extension MachineStrings.Target: ExpressibleByArgument {}
