import Foundation
import Glibc

/// Something about the machine or the programs that a result depends on.
struct Fact: Codable {
  var name: String
  var value: String
}

extension Fact {
  static func all(_ options: Options, folder: String) -> [Fact] {
    let probe = "\(folder)/version.log"
    func firstLine(_ command: [String]) -> String {
      let output = Child.output(of: command, log: probe) ?? ""
      return output.split(separator: "\n").first.map(String.init) ?? "unknown"
    }
    let ours =
      options.oursCommand
      ?? options.nameplate.map { firstLine([$0, "--version"]) } ?? "unknown"
    return [
      Fact(name: "Date", value: Date.now.formatted(.iso8601.year().month().day())),
      Fact(name: "Cores", value: "\(sysconf(Int32(_SC_NPROCESSORS_ONLN)))"),
      Fact(name: "Processor", value: processor),
      Fact(name: "Kernel", value: line(of: "/proc/sys/kernel/osrelease") ?? "unknown"),
      Fact(name: "nameplate", value: ours),
      Fact(name: "Commit", value: firstLine(["git", "describe", "--always", "--dirty"])),
      Fact(name: "nginx", value: firstLine(["nginx", "-v"]).after("nginx version: ")),
      Fact(name: "haproxy", value: firstLine(["haproxy", "-v"]).before(" - ")),
      Fact(name: "wrk", value: firstLine(["wrk", "-v"]).before(" Copyright")),
      Fact(name: "Command", value: CommandLine.arguments.joined(separator: " ")),
    ]
  }

  private static var processor: String {
    let text = FileManager.default.contents(atPath: "/proc/cpuinfo") ?? Data()
    let line = String(decoding: text, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix("model name") }
    return line.map { String($0).after(": ") } ?? "unknown"
  }

  private static func line(of file: String) -> String? {
    FileManager.default.contents(atPath: file)
      .map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }
  }
}

extension String {
  fileprivate func after(_ prefix: String) -> String {
    firstRange(of: prefix).map { String(self[$0.upperBound...]) } ?? self
  }

  fileprivate func before(_ suffix: String) -> String {
    firstRange(of: suffix).map { String(self[..<$0.lowerBound]) } ?? self
  }
}
