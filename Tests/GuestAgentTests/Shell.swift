import TestKit

/// Runs a script that must succeed, and returns what it prints.
@discardableResult
func sh(_ script: String) throws -> String {
  let output = try ChildProcess.runHere(["sh", "-ec", script])
  guard output.status == 0 else {
    throw ChildProcess.Failed("\(script): \(output.status) \(output.out) \(output.error)")
  }
  return output.out
}
