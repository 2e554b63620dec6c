import ArgumentParser
import Glibc
import GuestAgent

/// The agent of images without cloud-init.
@main
struct NameplateGuest: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nameplate-guest",
    abstract: "Fetches this machine's keys, host name and user data from its metadata service.",
    discussion: """
      It looks for a config drive, then asks 169.254.169.254, fe80::a9fe:a9fe on each interface, and \
      fd00:ec2::254, and goes on until this machine has its keys.

      Examples:
        nameplate-guest --user root --user debian
        nameplate-guest --user debian --watch
        nameplate-guest --user debian --dry-run
        nameplate-guest --timeout 60 --no-hostname

      Exit codes: 0 done, 1 refused or failed, 2 usage, 3 no metadata service there.
      """)

  @Option(help: "Who gets the keys; may be given several times (default: root).")
  var user: [String] = []
  @Flag(help: "Goes on after that: keys that come or go at the service come or go here.")
  var watch = false
  @Option(help: "Seconds between two looks with --watch, give or take a third.") var interval = 5
  @Option(help: "Seconds after which it gives up; 0 tries once. Without it, it goes on for ever.")
  var timeout: Int?
  @Flag(help: "Shows what would change, and changes nothing.") var dryRun = false
  @Flag(inversion: .prefixedNo, help: "Sets the host name.") var hostname = true
  @Flag(inversion: .prefixedNo, help: "Saves user data in the state directory.") var userData = true
  @Flag(help: "Gives the first user a new password, and posts it encrypted for the first RSA key.")
  var password = false
  @Option(help: "Asks this address alone, as 192.0.2.1:8775 or [fe80::1%eth0]:80.")
  var endpoint: String?
  @Option(help: "The only interface on which fe80::a9fe:a9fe is asked.") var interface: String?
  @Option(help: "Where a config drive is mounted already.") var configDrive: String?
  @Flag(inversion: .prefixedNo, help: "Looks for a disk labelled config-2.") var drive = true
  @Option(help: "Its own directory.") var stateDirectory = "/var/lib/nameplate-guest"

  func validate() throws {
    guard (1...86_400).contains(interval) else {
      throw ValidationError("--interval is 1 to 86400 seconds")
    }
    guard (0...31_536_000).contains(timeout ?? 0) else {
      throw ValidationError("--timeout is 0 to 31536000 seconds")
    }
    guard stateDirectory.hasPrefix("/") else {
      throw ValidationError("--state-directory is a whole path, as /var/lib/nameplate-guest")
    }
  }

  private func settings() throws -> AgentSettings {
    var settings = AgentSettings()
    if !user.isEmpty { settings.users = user }
    settings.setsHostName = hostname
    settings.savesUserData = userData
    settings.setsPassword = password
    settings.isDryRun = dryRun
    // The jitter makes between a half and the whole of it.
    settings.watchMilliseconds = watch ? Int64(interval) * 1000 * 4 / 3 : nil
    settings.timeoutMilliseconds = timeout.map { Int64($0) * 1000 }
    settings.drive = configDrive
    settings.looksForDrive = drive
    settings.interface = interface
    settings.state = stateDirectory
    do {
      settings.endpoint = try endpoint.map { try Endpoint(reading: $0) }
    } catch {
      throw ValidationError("\(error)")
    }
    return settings
  }

  func run() throws {
    // A tool that ends before it has read all must not end the agent.
    signal(SIGPIPE, SIG_IGN)
    let agent = Agent(
      try settings(), pace: KernelPace(),
      tell: { NameplateGuest.write("nameplate-guest: \($0)\n", to: 2) },
      show: { NameplateGuest.write("\($0)\n", to: 1) })
    throw ExitCode(agent.run().rawValue)
  }

  private static func write(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
  }

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      let code = exitCode(for: error)
      let message = error is ExitCode ? "" : fullMessage(for: error) + "\n"
      if !message.isEmpty { write(message, to: code == .success ? 1 : 2) }
      Glibc.exit(code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue)
    }
  }
}
