import ArgumentParser
import ControlClient
import Foundation
import Inventory
import OrderedCollections

struct Look: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What a guest would see, from the code that answers it.",
    discussion: """
      A directory is shown as a tree, a document as its exact bytes.

      Examples:
        nameplate look ID                            every path of every dialect
        nameplate look ID /latest/meta-data/         the EC2 tree
        nameplate look ID /openstack/latest/meta_data.json
      """)

  @Argument(help: .instanceID) var id: InstanceID
  @Argument(help: "The path; a trailing slash shows the tree under it.") var path: String?
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let endpoint = try daemon.endpoint()
    guard let path, !path.hasSuffix("/"), format.output == nil || format.output == .table else {
      try await tree(endpoint)
      return
    }
    let look = try await ControlClient.withConnection(to: endpoint) {
      try await $0.look(path, as: id)
    }
    guard look.status == 200 else {
      let answer = String(decoding: look.body, as: UTF8.self).trimmed
      Terminal.error("\(path): the guest gets \(answer.isEmpty ? "\(look.status)" : answer)")
      throw ExitCode(1)
    }
    FileHandle.standardOutput.write(Data(look.body))
  }

  private func tree(_ endpoint: ControlEndpoint) async throws {
    let root = path ?? "/"
    let entries = try await ControlClient.withConnection(to: endpoint) { client in
      try await client.tree(of: id, below: path)
    }
    guard let members = entries.object, !members.isEmpty else {
      Terminal.error("\(root): the guest gets 404 Not Found")
      throw ExitCode(1)
    }
    if let machine = format.output, machine != .table {
      Output.print(entries, machine)
      return
    }
    for (path, entry) in members {
      if entry["listing"] != nil {
        print(Terminal.bold(path.hasSuffix("/") ? path : path + "/"))
      } else {
        print("\(path)  \(Look.summary(entry))")
      }
    }
  }

  private static func summary(_ entry: JSONValue) -> String {
    let size = entry["size"]?.integer ?? 0
    guard let text = entry["text"]?.string, !text.contains("\n"), text.count <= 80 else {
      return "(\(size) bytes)"
    }
    return text.isEmpty ? "(empty)" : text
  }
}
