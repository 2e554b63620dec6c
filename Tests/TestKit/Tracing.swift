import Foundation

/// Whether the tests and the programs that they start have a sanitizer built in.
public enum Sanitizer {
  public static let isPresent =
    ProcessInfo.processInfo.environment["NAMEPLATE_TEST_SANITIZER"] != nil
}

/// Whether a test may have strace change or cut off a program's system calls.
public enum Tracing {
  public static let isPossible: Bool = {
    // A sanitizer makes calls of its own, and its reports go lost with a program that is killed.
    guard !Sanitizer.isPresent else { return false }
    let output = try? ChildProcess.runHere(["strace", "-e", "trace=none", "true"])
    return output?.status == 0
  }()
}
