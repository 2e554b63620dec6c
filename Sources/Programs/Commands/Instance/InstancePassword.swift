import ArgumentParser
import ControlClient
import Foundation
import Inventory

struct InstancePasswordCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "password", abstract: "What the guest has posted as its password.",
    subcommands: [InstancePasswordShow.self, InstancePasswordClear.self])
}

struct InstancePasswordShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Prints it as it came, encrypted for the key pair as a rule.",
    discussion: """
      Example:
        nameplate instance password show ID | base64 -d | openssl pkeyutl -decrypt -inkey key.pem
      """)

  @Argument(help: .instanceID) var id: InstanceID
  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    let password = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.password(of: id)
    }
    FileHandle.standardOutput.write(Data(password.utf8))
  }
}

struct InstancePasswordClear: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clear", abstract: "Forgets it, so that the guest may post another.",
    discussion: """
      Example:
        nameplate instance password clear ID
      """)

  @Argument(help: .instanceID) var id: InstanceID
  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.clearPassword(of: id)
    }
  }
}
