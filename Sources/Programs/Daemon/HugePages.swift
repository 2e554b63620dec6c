import Foundation
import Glibc
import Inventory
import MetadataService
import ServiceLifecycle

/// Has the kernel keep the memory of a large catalogue in huge pages.
///
/// The guest that asks next may be any of a million, and what is known of it lies anywhere in some
/// 700 MB. To find out which page that is takes the processor as long as to read it, several times for a
/// request; with huge pages there are so few that it knows them.
struct HugePagesKeeper: Service {
  let catalog: LiveCatalog

  /// The processor's caches know all pages of a smaller catalogue.
  private static let leastInstances = 50_000
  private static let interval = Duration.seconds(60)
  /// So many bytes must have come to what there was: all memory is looked through.
  private static let leastGrowth: UInt64 = 32 * 1024 * 1024

  func run() async throws {
    guard let pages = HugePages() else {
      try? await gracefulShutdown()
      return
    }
    await cancelWhenGracefulShutdown {
      await catalog.waitUntilLoaded()
      var settledBytes: UInt64 = 0
      while !Task.isCancelled {
        let isLarge = catalog.read { $0.count(.instance) } >= HugePagesKeeper.leastInstances
        if isLarge, ProcessFacts.read().residentBytes >= settledBytes + HugePagesKeeper.leastGrowth
        {
          await pages.collapse()
          settledBytes = ProcessFacts.read().residentBytes
        }
        try? await Task.sleep(for: HugePagesKeeper.interval)
      }
    }
  }

}

/// Pages of some megabytes, which the kernel makes of many small ones.
struct HugePages {
  /// How large one is, in bytes.
  let size: Int

  /// `MADV_COLLAPSE`, which the C library's headers may not have yet (Linux 6.1; older kernels refuse).
  private static let collapseAdvice: CInt = 25
  /// So many of a huge page's parts must be in use, in hundredths: the others take memory from then on.
  private static let leastUse = 90
  /// Huge pages that the kernel is asked for at a time. It empties lists of all processors before each
  /// answer, so that few are dear, and many keep a thread for long.
  private static let maximumRun = 16

  /// Nil where the kernel has none, or the host's operator wants none.
  init?() {
    let folder = "/sys/kernel/mm/transparent_hugepage"
    guard let enabled = try? String(contentsOfFile: "\(folder)/enabled", encoding: .utf8),
      !enabled.contains("[never]"),
      let text = try? String(contentsOfFile: "\(folder)/hpage_pmd_size", encoding: .utf8),
      let size = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)), size > 0
    else { return nil }
    self.size = size
  }

  /// Makes huge pages of this process' memory where it is in use. What the kernel has no room for stays
  /// as it is.
  func collapse() async {
    for region in HugePages.ownMemory() {
      let (first, last) = ((region.lowerBound + size - 1) / size, region.upperBound / size)
      guard first < last else { continue }
      var run = first..<first
      for page in first..<last {
        if isUsed(page * size) {
          run = run.lowerBound..<(page + 1)
          if run.count < HugePages.maximumRun { continue }
        }
        await collapse(run)
        run = (page + 1)..<(page + 1)
      }
      await collapse(run)
    }
  }

  /// - Parameter run: Pages by their numbers. What is a huge page already the kernel knows.
  private func collapse(_ run: Range<Int>) async {
    guard !run.isEmpty else { return }
    _ = unsafe madvise(
      UnsafeMutableRawPointer(bitPattern: run.lowerBound * size), run.count * size,
      HugePages.collapseAdvice)
    // It takes some milliseconds, and others have work to do.
    await Task.yield()
  }

  /// Whether nearly all of a huge page would be in use.
  private func isUsed(_ start: Int) -> Bool {
    let pageSize = sysconf(CInt(_SC_PAGESIZE))
    guard pageSize > 0 else { return false }
    var residency = [UInt8](repeating: 0, count: size / pageSize)
    guard unsafe mincore(UnsafeMutableRawPointer(bitPattern: start), size, &residency) == 0 else {
      return false
    }
    let used = residency.count { $0 & 1 != 0 }
    return used * 100 >= residency.count * HugePages.leastUse
  }

  /// Memory that this process has for itself and writes to, as proc_pid_maps(5) tells.
  static func ownMemory() -> [Range<Int>] {
    // The list is long, and whoever reads a file of unknown length by name gets its first part only.
    guard let file = FileHandle(forReadingAtPath: "/proc/self/maps"),
      let bytes = try? file.readToEnd()
    else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      guard fields.count == 5 || (fields.count == 6 && fields[5] == "[heap]"),
        fields[1] == "rw-p", fields[4] == "0"
      else { return nil }
      let ends = fields[0].split(separator: "-").compactMap { Int($0, radix: 16) }
      guard ends.count == 2, ends[0] < ends[1] else { return nil }
      return ends[0]..<ends[1]
    }
  }
}
