import Foundation
import Glibc

/// CPU time from /proc.
enum ProcessTime {
  private static let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))

  /// User and system seconds that a process and all its descendants have used.
  static func seconds(ofTree root: pid_t) -> Double {
    let processes = all()
    var members: Set<pid_t> = [root]
    var grown = true
    while grown {
      let children = processes.filter { members.contains($0.parent) }.map(\.id)
      let before = members.count
      members.formUnion(children)
      grown = members.count > before
    }
    let ticks = processes.filter { members.contains($0.id) }.reduce(0) { $0 + $1.ticks }
    return Double(ticks) / ticksPerSecond
  }

  private struct Entry {
    let id: pid_t
    let parent: pid_t
    let ticks: Int
  }

  private static func all() -> [Entry] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.compactMap(entry)
  }

  /// Reads /proc/PID/stat (proc_pid_stat(5)). The program's name may contain anything, so fields
  /// are counted from the last parenthesis: state is field 3, ppid 4, utime 14, stime 15.
  private static func entry(_ id: pid_t) -> Entry? {
    guard let data = FileManager.default.contents(atPath: "/proc/\(id)/stat") else { return nil }
    let text = String(decoding: data, as: UTF8.self)
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let parent = pid_t(fields[1]), let user = Int(fields[11]),
      let system = Int(fields[12])
    else { return nil }
    return Entry(id: id, parent: parent, ticks: user + system)
  }
}
