import Foundation
import Glibc
import Telemetry

/// What the kernel says of this process.
struct ProcessFacts: Sendable, Hashable {
  var processorSeconds = 0.0
  var residentBytes: UInt64 = 0
  var virtualBytes: UInt64 = 0
  var openFiles = 0
  /// Nil for no limit.
  var maximumFiles: UInt64?

  static func read() -> ProcessFacts {
    var facts = ProcessFacts()
    var usage = rusage()
    if unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 {
      facts.processorSeconds = seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
    // proc_pid_statm(5): pages in all, and pages in memory.
    let memory = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = memory.split(separator: " ").prefix(2).compactMap { UInt64($0) }
    let pageBytes = UInt64(clamping: sysconf(CInt(_SC_PAGESIZE)))
    if pages.count == 2 {
      facts.virtualBytes = pages[0] &* pageBytes
      facts.residentBytes = pages[1] &* pageBytes
    }
    facts.openFiles = countFiles()
    var limit = rlimit()
    if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
      limit.rlim_cur != .max
    {
      facts.maximumFiles = UInt64(limit.rlim_cur)
    }
    return facts
  }

  func families(_ startedAtSeconds: Int) -> [MetricFamily] {
    [
      MetricFamily(.processCPUSeconds, .number(processorSeconds)),
      MetricFamily(.processResidentBytes, .count(residentBytes)),
      MetricFamily(.processVirtualBytes, .count(virtualBytes)),
      MetricFamily(.processOpenFiles, .number(Double(openFiles))),
      MetricFamily(
        .processMaximumFiles, .number(maximumFiles.map { Double($0) } ?? .infinity)),
      MetricFamily(.processStart, .number(Double(startedAtSeconds))),
    ]
  }

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000
  }

  private static func countFiles() -> Int {
    guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { unsafe closedir(folder) }
    var count = 0
    while unsafe readdir(folder) != nil { count += 1 }
    // `.` and `..`, and what this reads from.
    return max(0, count - 3)
  }
}
