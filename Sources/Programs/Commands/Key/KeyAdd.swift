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
      throw Unusable(
        description:
          "\(publicKeyFile): cannot be read as a public key; does it exist, and may this user read it?"
      )
    }
    guard !text.contains("PRIVATE KEY-----") else {
      throw Unusable(
        description: "\(publicKeyFile): is a private key; name the public one, FILE.pub as a rule")
    }
    var document: JSONValue = [
      "kind": "KeyPair", "name": .string(name), "type": .string(type), "publicKey": .string(text),
    ]
    if let project, case .object(var members) = document {
      members["project"] = .string(project)
      document = .object(members)
    }
    let change = document
    let result = try await ControlClient.withConnection(to: try daemon.endpoint()) { client in
      do throws(ControlClientError) {
        return try await client.apply([change], dryRun: false)
      } catch {
        guard case .problem(var problem) = error else { throw error }
        // There is one document only.
        problem.index = nil
        throw ControlClientError.problem(problem)
      }
    }
    for outcome in result.outcomes { print("\(outcome.id) \(outcome.action.rawValue)") }
  }
}
