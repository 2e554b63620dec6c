import Foundation
import Glibc
import Synchronization

@testable import GuestAgent

/// A folder with a home in it that belongs to who runs the tests, and an agent for it.
final class HomeFixture {
  let folder: String
  private(set) var told: [String] = []
  private(set) var shown: [String] = []

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  var home: String { "\(folder)/home" }
  var state: String { "\(folder)/state" }
  var keysFile: String { "\(home)/.ssh/authorized_keys" }
  var keys: String? { try? String(contentsOfFile: keysFile, encoding: .utf8) }
  var userData: String? { try? String(contentsOfFile: "\(state)/user-data", encoding: .utf8) }

  func write(keys: String) throws {
    try FileManager.default.createDirectory(
      atPath: "\(home)/.ssh", withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    try Data(keys.utf8).write(to: URL(fileURLWithPath: keysFile))
  }

  func mode(_ path: String) -> UInt32 {
    var status = stat()
    unsafe lstat(path, &status)
    return status.st_mode & 0o7777
  }

  var keyManager: KeyManager {
    let home = home
    return KeyManager(user: "alice") { name throws(AgentError) in
      Account(name: name, user: geteuid(), group: getegid(), home: home)
    }
  }

  var managers: [any Manager] { [keyManager, UserDataManager(state: state)] }

  func agent(
    port: UInt16, managers: [any Manager]? = nil, pace: any Pace = KernelPace(),
    _ change: (inout AgentSettings) -> Void = { _ in }
  ) throws -> Agent {
    var settings = AgentSettings()
    settings.users = ["alice"]
    settings.looksForDrive = false
    settings.state = state
    settings.timeoutMilliseconds = 0
    settings.endpoint = try Endpoint(reading: "127.0.0.1:\(port)")
    change(&settings)
    return Agent(
      settings, managers: managers ?? self.managers, pace: pace,
      tell: { self.told.append($0) }, show: { self.shown.append($0) })
  }
}

/// A time that passes only when somebody sleeps.
final class ManualPace: Pace, Sendable {
  private let time = Mutex<Int64>(0)
  private let onSleep: @Sendable (Int64) -> Void

  /// - Parameter onSleep: Told the time after each sleep.
  init(onSleep: @escaping @Sendable (Int64) -> Void) { self.onSleep = onSleep }

  var now: Int64 { time.withLock { $0 } }

  func sleep(milliseconds: Int64) {
    onSleep(
      time.withLock {
        $0 += milliseconds
        return $0
      })
  }
}
