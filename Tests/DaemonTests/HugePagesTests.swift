import Foundation
import Glibc
import Testing

@testable import Daemon

@Suite("Memory in huge pages")
struct HugePagesTests {
  /// How much of the memory around an address the kernel says is so, in bytes (proc_pid_smaps(5)).
  static func bytes(_ field: String, around address: UInt) throws -> Int {
    var isThere = false
    for line in try String(contentsOfFile: "/proc/self/smaps", encoding: .utf8).split(
      separator: "\n")
    {
      let words = line.split(separator: " ")
      let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      if ends.count == 2 { isThere = (ends[0]..<ends[1]).contains(address) }
      if isThere, words[0] == "\(field):" { return (Int(words[1]) ?? 0) * 1024 }
    }
    return 0
  }

  @Test(
    "are made of memory that is in use, and of no other",
    .enabled(if: HugePages() != nil, "the kernel has no huge pages"))
  func collapse() async throws {
    let pages = try #require(HugePages())
    let size = pages.size
    let length = 8 * size
    let memory = unsafe mmap(
      nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    let start = try #require(unsafe memory, "no memory")
    try #require(unsafe start != MAP_FAILED)
    defer { unsafe munmap(start, length) }
    // Faults give small ones, also where the host gives huge ones to all.
    unsafe madvise(start, length, MADV_NOHUGEPAGE)
    let used = length / 2
    for place in stride(from: 0, to: used, by: 4096) {
      unsafe start.storeBytes(
        of: UInt8(truncatingIfNeeded: place / 4096 + 1), toByteOffset: place, as: UInt8.self)
    }
    unsafe madvise(start, length, MADV_HUGEPAGE)
    let address = unsafe UInt(bitPattern: start)
    #expect(try Self.bytes("AnonHugePages", around: address) == 0)

    await pages.collapse()
    // Of four that begin anywhere three are whole.
    #expect(try Self.bytes("AnonHugePages", around: address) >= 3 * size)
    #expect(try Self.bytes("Rss", around: address) <= used + size)
    for place in stride(from: 0, to: used, by: 4096) {
      let byte = unsafe start.load(fromByteOffset: place, as: UInt8.self)
      try #require(byte == UInt8(truncatingIfNeeded: place / 4096 + 1))
    }
  }

  @Test("are looked for where this process writes, and in no file's memory")
  func ownMemory() throws {
    let value = [UInt8](repeating: 1, count: 1 << 22)
    let regions = HugePages.ownMemory()
    unsafe value.withUnsafeBytes { bytes in
      let address = unsafe Int(bitPattern: bytes.baseAddress)
      #expect(regions.contains { $0.contains(address) })
    }
    let code = unsafe Int(bitPattern: dlsym(nil, "malloc"))
    #expect(code != 0 && !regions.contains { $0.contains(code) })
  }
}
