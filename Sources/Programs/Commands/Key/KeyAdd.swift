import ArgumentParser
import ControlAPI
import ControlClient
import Daemon
import Foundation
import Inventory
import OrderedCollections

struct KeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Key pairs.", subcommands: [KeyAdd.self])
}

struct KeyAdd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Declares a key pair, or replaces its public key.",
    discussion: """
      Examples:
        nameplate key add alice --public-key-file ~/.ssh/id_ed25519.pub
        nameplate key add alice --project p1 --public-key-file alice.pub
      """)

  @Argument(help: "The key pair's name.") var name: String
  @Option(help: "A file with the public key.") var publicKeyFile: String
  @Option(help: "The project that it belongs to.") var project: String?
  @Option(help: "ssh or x509.") var type = "ssh"
  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    guard let data = FileManager.default.contents(atPath: publicKeyFile),
      data.count <= Limits.maximumPublicKeyBytes,
      let text = String(validating: data, as: UTF8.self)
    else {
      throw ValidationError("\(publicKeyFile) cannot be read as a public key")
    }
    var document: JSONValue = [
      "kind": "KeyPair", "name": .string(name), "type": .string(type), "publicKey": .string(text),
    ]
    if let project, case .object(var members) = document {
      members["project"] = .string(project)
      document = .object(members)
    }
    let change = document
    let result = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.apply([change], dryRun: false)
    }
    for outcome in result.outcomes { print("\(outcome.id) \(outcome.action.rawValue)") }
  }
}
