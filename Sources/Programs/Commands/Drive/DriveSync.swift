import ArgumentParser
import ConfigDrive
import ControlAPI
import ControlClient
import Foundation
import Inventory

struct DriveSync: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync", abstract: "Keeps the drives of a directory as their instances are.",
    discussion: """
      A drive is a file called ID.iso or ID.img. When its instance, a network or a key of it \
      changes, the drive is written anew beside the old one and takes its place at once. A guest \
      that has the old one open keeps it until its medium is changed or it starts again.

      Without --all only the drives that are there are kept; without --delete those of instances \
      that are declared no more stay.

      Examples:
        nameplate drive sync /var/lib/nameplate/drives
        nameplate drive sync /var/lib/nameplate/drives --all --delete
        nameplate drive sync /var/lib/nameplate/drives --once
      """)

  @Argument(help: "The directory.") var directory: String
  @Flag(help: "Also writes drives of instances that have none.") var all = false
  @Flag(help: "Also deletes drives of instances that are declared no more.") var delete = false
  @Flag(help: "Looks once and ends.") var once = false
  @OptionGroup var drive: DriveOptions
  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    DriveOptions.forgetZone()
    let values = try? URL(fileURLWithPath: directory).resourceValues(forKeys: [.isDirectoryKey])
    guard values?.isDirectory == true else {
      throw Unusable(description: "\(directory) is no directory; make it first")
    }
    DriveWriter.tidy(directory)
    let keeper = DriveKeeper(directory: directory, options: drive, makes: all, deletes: delete)
    let endpoint = try daemon.endpoint()
    if once {
      let failed = try await ControlClient.withConnection(to: endpoint) {
        try await keeper.refresh(asking: $0)
      }
      if !failed.isEmpty { throw ExitCode(1) }
    } else {
      try await follow(endpoint, keeper)
    }
  }

  /// Listens to changes for as long as the process lives. Whenever it begins to listen anew, it looks
  /// at everything: what happened meanwhile needs no memory.
  private func follow(_ endpoint: ControlEndpoint, _ keeper: DriveKeeper) async throws {
    var told: String?
    var pause = Duration.milliseconds(250)
    while true {
      do {
        try await ControlClient.withConnection(to: endpoint) { client in
          try await listen(to: client, keeper) {
            if told != nil { Terminal.write("the daemon is there again\n") }
            told = nil
            pause = .milliseconds(250)
          }
        }
      } catch let error as ControlClientError {
        guard DriveSync.mayPass(error) else { throw error }
        if told == nil { Terminal.error("\(error); trying again") }
        told = "\(error)"
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .seconds(5))
    }
  }

  /// Whether it may be better in a while: a daemon that is away comes back, a refusal stays one.
  private static func mayPass(_ error: ControlClientError) -> Bool {
    switch error {
    case .noDaemon, .broken: true
    case .problem(let problem): ![.unauthorized, .forbidden].contains(problem.kind)
    default: false
    }
  }

  private func listen(
    to client: ControlClient, _ keeper: DriveKeeper, isBack: () -> Void
  ) async throws {
    let (rounds, queue) = AsyncThrowingStream<DriveRound, any Error>.makeStream()
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      group.addTask {
        do {
          try await DriveSync.watch(client) { queue.yield($0) }
          queue.finish()
        } catch { queue.finish(throwing: error) }
      }
      var pause = Duration.seconds(1)
      for try await round in rounds {
        let failed = try await keeper.refresh(round.ids, asking: client)
        if round.isFirst { isBack() }
        guard !failed.isEmpty else {
          if round.isRepeated { pause = .seconds(1) }
          continue
        }
        // No change tells that there is room on the disk again, or that what was in the way is gone.
        let wait = pause
        pause = min(pause * 2, .seconds(60))
        group.addTask {
          try await Task.sleep(for: wait)
          queue.yield(DriveRound(ids: failed, isRepeated: true))
        }
      }
    }
  }

  /// Tells what is to be looked at: everything at first, then what each transaction changed.
  private static func watch(
    _ client: ControlClient, _ tell: @escaping @Sendable (DriveRound) -> Void
  ) async throws {
    var changed: Set<InstanceID> = []
    var isAnything = false
    try await client.watch(onOpen: { tell(DriveRound(isFirst: true)) }) { event, revision in
      switch event {
      case .put(let record) where record.resource.kind == .instance:
        if let id = record.resource.instance?.id { changed.insert(id) }
      case .deleted(let id) where id.kind == .instance:
        if let id = InstanceID(id.text) { changed.insert(id) }
      case .put, .deleted: isAnything = true
      case .passwordSet, .passwordCleared: break
      }
      guard revision != nil else { return true }
      tell(DriveRound(ids: isAnything ? nil : changed))
      changed = []
      isAnything = false
      return true
    }
  }
}

/// The drives that are looked at in one go.
private struct DriveRound: Sendable {
  /// Nil for all.
  var ids: Set<InstanceID>?
  var isFirst = false
  var isRepeated = false
}
