import Glibc

/// What the agent is to do, as the command line says it.
public struct AgentSettings: Sendable {
  /// Who gets the keys.
  public var users: [String] = ["root"]
  public var setsHostName = true
  public var savesUserData = true
  public var setsPassword = false
  public var isDryRun = false
  /// Milliseconds between two looks at the service once all is done; nil ends instead.
  public var watchMilliseconds: Int64?
  /// Milliseconds after which to give up; nil never does.
  public var timeoutMilliseconds: Int64?
  /// The directory of a config drive that is mounted already.
  public var drive: String?
  public var looksForDrive = true
  /// An address instead of those that are looked for.
  public var endpoint: Endpoint?
  /// The only interface whose link-local service is asked.
  public var interface: String?
  /// The agent's own directory.
  public var state = "/var/lib/nameplate-guest"

  public init() {}

  var managers: [any Manager] {
    var managers: [any Manager] = users.map { KeyManager(user: $0) }
    if setsHostName { managers.append(HostNameManager()) }
    if savesUserData { managers.append(UserDataManager(state: state)) }
    if setsPassword, let user = users.first {
      managers.append(PasswordManager(user: user, state: state))
    }
    return managers
  }
}

/// Rounds of asking, comparing and setting, until all is as the service says.
public final class Agent {
  private let settings: AgentSettings
  private let managers: [any Manager]
  private let pace: any Pace
  private let tell: (String) -> Void
  private let show: (String) -> Void
  private let source: MetadataSource
  private var announcer = Announcer()
  /// Whether the users have their keys, and whether all has been as it should be.
  private var hasKeys = false
  private var wasDone = false

  /// - Parameters:
  ///   - tell: Takes a line for the console.
  ///   - show: Takes a line of a dry run's differences.
  public convenience init(
    _ settings: AgentSettings, pace: any Pace, tell: @escaping (String) -> Void,
    show: @escaping (String) -> Void
  ) {
    self.init(settings, managers: settings.managers, pace: pace, tell: tell, show: show)
  }

  init(
    _ settings: AgentSettings, managers: [any Manager], pace: any Pace,
    tell: @escaping (String) -> Void, show: @escaping (String) -> Void
  ) {
    self.settings = settings
    self.managers = managers
    self.pace = pace
    self.tell = tell
    self.show = show
    let drive = settings.drive
    let looksForDrive = settings.looksForDrive
    let endpoint = settings.endpoint
    let interface = settings.interface
    source = MetadataSource(
      endpoints: { endpoint.map { [$0] } ?? Endpoint.candidates(only: interface) },
      drive: { () throws(AgentError) in
        if let drive { return try ConfigDrive(path: drive).read() }
        return looksForDrive ? try DriveFinder.read() : nil
      },
      wantsUserData: settings.savesUserData)
  }

  /// Works until it is done, or for ever.
  public func run() -> ExitStatus {
    var schedule = Schedule(
      watchMilliseconds: settings.watchMilliseconds,
      timeoutMilliseconds: settings.isDryRun ? 0 : settings.timeoutMilliseconds, now: pace.now)
    while true {
      let outcome = round()
      let action = schedule.after(outcome, now: pace.now, random: .random(in: 0...1))
      report(outcome, action)
      switch action {
      case .end(let status): return status
      case .wait(let milliseconds): pace.sleep(milliseconds: milliseconds)
      }
    }
  }

  private func report(_ outcome: Schedule.Outcome, _ action: Schedule.Action) {
    let text: String
    switch outcome {
    case .done, .following, .serviceNext:
      announcer.forget()
      return
    case .failed(let reason), .noService(let reason): text = reason
    }
    if case .end = action {
      tell("\(text). It gives up.")
    } else if announcer.mayTell(text, at: pace.now) {
      tell("\(text). It goes on trying.")
    }
  }

  // MARK: A round

  func round() -> Schedule.Outcome {
    let found = wasDone ? source.findChange() : source.find()
    guard let metadata = found.metadata else {
      let reasons = found.reasons.joined(separator: "; ")
      let what = hasKeys ? "the keys stay as they are" : "no key yet for \(users)"
      return found.isReached
        ? .failed("\(what): \(reasons)") : .noService("\(what): no metadata service: \(reasons)")
    }
    // Two agents at once take turns. A directory that cannot be made is no reason for no keys.
    let lock = settings.isDryRun ? nil : try? StateFolder.open(settings.state).lock("lock")
    hasKeys = hasKeys || !metadata.keys.isEmpty
    var failures = metadata.keys.isEmpty ? [] : metadata.refusedKeys
    let skipped = managers.filter { metadata.isFromDrive && $0.needsService }
    for manager in managers where !(metadata.isFromDrive && manager.needsService) {
      do throws(AgentError) { try follow(metadata, manager) } catch {
        if manager is KeyManager { hasKeys = false }
        failures.append("\(manager.name): \(error)")
      }
    }
    _ = consume lock
    let outcome = settled(metadata, failures, reasons: found.reasons)
    guard outcome == .done else { return outcome }
    let watches = settings.watchMilliseconds != nil
    if metadata.isFromDrive { return watches || !skipped.isEmpty ? .serviceNext : .done }
    return watches && source.mayHold ? .following : .done
  }

  private func settled(_ metadata: InstanceMetadata, _ failures: [String], reasons: [String])
    -> Schedule.Outcome
  {
    if metadata.keys.isEmpty, metadata.refusedKeys.isEmpty {
      let others = reasons.isEmpty ? "" : " (\(reasons.joined(separator: "; ")))"
      return .failed(
        "no key yet for \(users): \(metadata.source) knows this machine as \(metadata.id), but has"
          + " no key for it\(others)")
    }
    guard failures.isEmpty else { return .failed(failures.joined(separator: "; ")) }
    wasDone = true
    return .done
  }

  private var users: String { settings.users.joined(separator: ", ") }

  private func follow(_ metadata: InstanceMetadata, _ manager: any Manager) throws(AgentError) {
    guard let difference = try manager.difference(from: metadata) else { return }
    if settings.isDryRun {
      show(difference.title)
      for line in difference.lines { show("  \(line)") }
    } else {
      try difference.set()
      tell("\(difference.done), from \(metadata.source)")
    }
  }
}
