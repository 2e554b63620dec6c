import ArgumentParser
import ControlAPI
import ControlClient
import Inventory
import MetadataService

struct InstanceWait: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Returns once the daemon would answer the instance's guest.",
    discussion: """
      Examples:
        nameplate apply -f web-1.yaml && nameplate instance wait ID && virsh start web-1
        nameplate instance wait ID --timeout 2m --output json

      Exit codes: 0 it would be answered, 1 it would not be within the time, 3 no daemon there.
      """)

  @Argument(help: "The instance's UUID; it need not be declared yet.") var id: InstanceID
  @Option(help: "How long to wait, as 500ms, 30s or 2m.") var timeout = "30s"
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    guard let timeout = DurationText.parse(timeout) else {
      throw ValidationError("'\(timeout)' is not a time like 500ms, 30s or 2m")
    }
    let readiness = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await wait(for: timeout, $0)
    }
    switch format.output ?? .table {
    case .table: show(readiness)
    case let machine: if let readiness { Output.print(readiness.form, machine) }
    }
    guard readiness?.isReady == true else { throw ExitCode(1) }
  }

  /// Asks again and again, since one question waits only so long, and says what is waited for.
  private func wait(for timeout: Duration, _ client: ControlClient) async throws
    -> ReadinessForm?
  {
    let end = ContinuousClock.now + timeout
    var told: [String] = []
    while true {
      let left = max(.zero, end - .now)
      // The first question does not wait, so that a person sees what is amiss.
      let slice = told.isEmpty ? .zero : min(left, .seconds(10))
      let readiness = try await client.readiness(of: id, waiting: slice)
      if readiness?.isReady == true || left == .zero { return readiness }
      let problems = readiness?.problems ?? ["it is not declared"]
      if problems != told {
        told = problems
        Terminal.write("waiting for \(id): \(problems.joined(separator: "; "))\n")
      }
    }
  }

  private func show(_ readiness: ReadinessForm?) {
    guard let readiness else {
      Terminal.error("Instance \(id) is not declared")
      return
    }
    guard readiness.isReady else {
      Terminal.error(
        "\(readiness.hostname) is not ready: \(readiness.problems.joined(separator: "; "))")
      return
    }
    let places = readiness.answered.map { "\($0.address) on \($0.network.text)" }
    print("\(readiness.hostname) is ready: answered as \(places.joined(separator: ", "))")
    for problem in readiness.problems { Terminal.write("but not as \(problem)\n") }
  }
}
