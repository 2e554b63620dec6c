import ArgumentParser
import ConfigDrive
import Dialects
import Glibc

struct DriveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drive", abstract: "Config drives and seeds, for guests without a network.",
    subcommands: [DriveWrite.self, DriveSync.self])
}

/// What drives are to be like.
struct DriveOptions: ParsableArguments {
  @Option(help: "iso9660 or vfat.") var format = DriveFormat.iso9660
  @Flag(name: .customLong("openstack"), help: "OpenStack's documents (with EC2's by default).")
  var openStack = false
  @Flag(name: .customLong("ec2"), help: "EC2's documents.") var ec2 = false
  @Flag(name: .customLong("nocloud"), help: "cloud-init's NoCloud, labelled cidata, instead.")
  var noCloud = false

  var layout: DriveLayout {
    if noCloud { return .noCloud }
    return openStack == ec2 ? .openStackAndEC2 : openStack ? .openStack : .ec2
  }

  func validate() throws {
    if noCloud && (openStack || ec2) {
      throw ValidationError(
        "--nocloud is a drive of its own: a volume has one label, cidata or config-2")
    }
  }

  /// libarchive turns times into those of the host's zone, and asks the disk for the zone each time. A
  /// drive has none. Called before anything else runs that could ask for the environment.
  static func forgetZone() { unsafe setenv("TZ", "UTC0", 1) }

  /// The name of an instance's drive in a directory.
  func name(of id: some CustomStringConvertible) -> String { "\(id).\(format.fileExtension)" }
}
