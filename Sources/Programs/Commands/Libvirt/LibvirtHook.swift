import ArgumentParser
import ControlAPI
import ControlClient
import Foundation
import Glibc
import Inventory
import Libvirt

struct LibvirtHook: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hook",
    abstract: "Declares a libvirt domain's instance as it starts, and withdraws it as it ends.",
    discussion: """
      /etc/libvirt/hooks/qemu calls it with the words that libvirt gives it, and the domain's XML on \
      standard input. At `prepare begin` the instance is declared, at `release end` withdrawn.

      A domain is left alone unless its metadata has an element of ours:

        <metadata>
          <nameplate:instance xmlns:nameplate="urn:nameplate:libvirt:1">
            hostname: web-1
            keys: [alice]
            interfaces:
            - address: 192.0.2.15
          </nameplate:instance>
        </metadata>

      Example:
        nameplate libvirt hook web-1 prepare begin - < domain.xml

      Exits with 1, and so keeps the domain from starting, where its instance cannot be declared.
      """)

  @Argument(help: "The domain's name.") var domain: String
  @Argument(help: "prepare, start, started, stopped, release …") var operation: String
  @Argument(help: "begin or end.") var phase: String
  @Argument(help: "Whatever else libvirt says.") var rest: [String] = []
  @Flag(help: "Also for domains without an element of ours.") var all = false
  @Flag(help: "Lets a domain start whose instance cannot be declared.") var lenient = false
  @Option(help: "How long the daemon is waited for, as 500ms or 5s.") var timeout = "5s"
  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    guard let timeout = DurationText.parse(timeout), timeout > .zero else {
      throw ValidationError("'\(timeout)' is not a time like 500ms or 5s")
    }
    let isStart = (operation, phase) == ("prepare", "begin")
    guard isStart || (operation, phase) == ("release", "end") else { return }
    let xml = try LibvirtHook.standardInput()
    guard all || DomainDescription.mayBeOurs(xml) else { return }
    do {
      let description = try DomainDescription(xml: xml)
      guard all || description.ownText != nil else { return }
      try await within(timeout) {
        try await ControlClient.withConnection(to: try daemon.endpoint()) { client in
          if isStart {
            try await LibvirtHook.declare(description, client)
          } else {
            try await LibvirtHook.withdraw(description, client)
          }
        }
      }
    } catch {
      // One line: it becomes part of libvirt's own message.
      let reason = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
      Terminal.error("domain \(domain): \(reason)")
      if isStart && !lenient { throw ExitCode(1) }
    }
  }

  private static func declare(_ domain: DomainDescription, _ client: ControlClient) async throws {
    let networks = try await client.listAll(.network).compactMap { NetworkID($0.resource.id.text) }
    let resource = try DomainInstance.resource(domain, networks: Set(networks), host: hostName())
    _ = try await client.put(resource)
  }

  /// A domain that has moved away has been declared by its new host already.
  private static func withdraw(_ domain: DomainDescription, _ client: ControlClient) async throws {
    let id = ResourceID(kind: .instance, text: domain.uuid.description)
    do throws(ControlClientError) {
      let record = try await client.get(id)
      guard record.resource.instance?.host == hostName() else { return }
      try await client.delete(id, .revisions([record.revision]))
    } catch {
      if case .problem(let problem) = error, problem.kind == .notFound { return }
      throw error
    }
  }

  private struct TooLate: Error, CustomStringConvertible {
    let timeout: Duration
    var description: String { "the daemon gave no answer within \(timeout)" }
  }

  private func within(_ timeout: Duration, _ body: @escaping @Sendable () async throws -> Void)
    async throws
  {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: timeout)
        throw TooLate(timeout: timeout)
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private static func standardInput() throws -> [UInt8] {
    let data = try FileHandle.standardInput.read(upToCount: Limits.maximumDomainBytes + 1)
    return Array(data ?? Data())
  }

  private static func hostName() -> String {
    var name = [CChar](repeating: 0, count: 256)
    let length = name.count - 1
    guard unsafe gethostname(&name, length) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
