import Foundation

/// Whether a test may have strace change or cut off a program's system calls.
public enum Tracing {
  public static let isPossible: Bool = {
    // A sanitizer makes calls of its own, and its reports go lost with a program that is killed.
    guard ProcessInfo.processInfo.environment["NAMEPLATE_TEST_SANITIZER"] == nil else {
      return false
    }
    let output = try? ChildProcess.runHere(["strace", "-e", "trace=none", "true"])
    return output?.status == 0
  }()
}
