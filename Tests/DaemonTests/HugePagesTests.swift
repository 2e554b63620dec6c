import Foundation
import Glibc
import Testing

@testable import Daemon

@Suite("Memory in huge pages")
struct HugePagesTests {
  /// How much of the memory around an address the kernel says is so, in bytes (proc_pid_smaps(5)).
  static func bytes(_ field: String, around address: UInt) throws -> Int {
    var isThere = false
    let file = try #require(FileHandle(forReadingAtPath: "/proc/self/smaps"))
    let text = String(decoding: try #require(try file.readToEnd()), as: UTF8.self)
    for line in text.split(separator: "\n") {
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
    // High up, where it comes late in the list of what there is.
    let wish = unsafe UnsafeMutableRawPointer(bitPattern: 0x7FF0_0000_0000)
    let memory = unsafe mmap(
      wish, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let start = unsafe memory, unsafe start != MAP_FAILED else {
      Issue.record("no memory")
      return
    }
    defer { unsafe munmap(start, length) }
    let used = length / 2
    for place in stride(from: 0, to: used, by: 4096) {
      unsafe start.storeBytes(
        of: UInt8(truncatingIfNeeded: place / 4096 + 1), toByteOffset: place, as: UInt8.self)
    }
    await pages.collapse()
    let address = UInt(bitPattern: start)
    // Of four that begin anywhere three are whole.
    #expect(try Self.bytes("AnonHugePages", around: address) >= 3 * size)
    #expect(try Self.bytes("Rss", around: address) <= used + size / 10)
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
      let address = Int(bitPattern: bytes.baseAddress)
      #expect(regions.contains { $0.contains(address) })
    }
    let code = unsafe Int(bitPattern: dlsym(nil, "malloc"))
    #expect(code != 0 && !regions.contains { $0.contains(code) })
  }
}
