import Foundation

/// How a client uses its connections.
enum Mode: String, CaseIterable, Codable {
  case keepAlive = "keep-alive"
  case close
}

/// One run of wrk against one server.
struct Sample: Codable {
  var requests: Int
  var requestsPerSecond: Double
  /// Socket errors, timeouts and answers that are not 2xx or 3xx.
  var failures: Int
  /// The server's, user and system together.
  var cpuMicrosecondsPerRequest: Double
}

enum Wrk {
  static func run(
    _ path: String, on server: Server, mode: Mode, seconds: Int, log: String
  ) throws -> Sample {
    var command = ["wrk", "-t1", "-c64", "-d\(seconds)s"]
    if mode == .close { command += ["-H", "Connection: close"] }
    command += server.fields.flatMap { ["-H", $0] }
    command.append("http://127.0.0.1:\(server.port)\(path)")
    let before = ProcessTime.seconds(ofTree: server.child.processID)
    let wrk = try Child(command, log: log)
    defer { wrk.stop() }
    let status = try wrk.wait(seconds: seconds + 30)
    let used = ProcessTime.seconds(ofTree: server.child.processID) - before
    try server.checkAlive()
    guard status == 0, var sample = parse(wrk.output) else {
      throw BenchError("\(command.joined(separator: " ")) failed:\n\(wrk.output)")
    }
    sample.cpuMicrosecondsPerRequest = used * 1e6 / Double(max(1, sample.requests))
    return sample
  }

  /// Reads wrk's report; nil where it is none. Lines about errors are there only where some are.
  static func parse(_ report: String) -> Sample? {
    var requests: Int?
    var rate: Double?
    var failures = 0
    for line in report.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count > 3, words[1] == "requests", words[2] == "in" { requests = Int(words[0]) }
      if words.count == 2, words[0] == "Requests/sec:" { rate = Double(words[1]) }
      if line.contains("Socket errors:") {
        failures += line.split { !$0.isNumber }.compactMap { Int($0) }.reduce(0, +)
      }
      if line.contains("Non-2xx or 3xx responses:") {
        failures += words.last.flatMap { Int($0) } ?? 0
      }
    }
    guard let requests, let rate else { return nil }
    // No answer at all is no success either.
    return Sample(
      requests: requests, requestsPerSecond: rate, failures: max(failures, requests == 0 ? 1 : 0),
      cpuMicrosecondsPerRequest: 0)
  }
}
