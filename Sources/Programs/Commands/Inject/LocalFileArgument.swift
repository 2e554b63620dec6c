import ArgumentParser
import DiskImage
import Foundation
import Inventory

/// `LOCAL:PATH[,mode=MODE][,owner=USER]`.
struct LocalFileArgument: ExpressibleByArgument {
  private let local: String
  private let path: String
  private var mode: UInt32?
  private var owner: String?

  init?(argument: String) {
    // A local name may have a colon; what follows the last ":/" is the guest's path.
    guard let split = argument.range(of: ":/", options: .backwards),
      split.lowerBound > argument.startIndex
    else { return nil }
    local = String(argument[..<split.lowerBound])
    var path = argument[argument.index(after: split.lowerBound)...]
    while let comma = path.lastIndex(of: ",") {
      let word = path[path.index(after: comma)...]
      if word.hasPrefix("mode=") {
        guard let mode = UInt32(word.dropFirst(5), radix: 8), mode <= 0o7777 else { return nil }
        self.mode = mode
      } else if word.hasPrefix("owner=") {
        owner = String(word.dropFirst(6))
      } else {
        break
      }
      path = path[..<comma]
    }
    self.path = String(path)
  }

  func read() throws -> InjectionRequest.LocalFile {
    let handle: FileHandle
    do {
      handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: local))
    } catch {
      throw Unusable(
        description: "'\(local)' cannot be read; does it exist, and may this user read it?")
    }
    defer { try? handle.close() }
    let limit = Injection.maximumFileBytes
    guard let data = try? handle.read(upToCount: limit + 1) ?? Data() else {
      throw Unusable(description: "'\(local)' cannot be read")
    }
    guard data.count <= limit else {
      throw Unusable(description: "'\(local)' has more than \(limit) bytes")
    }
    return InjectionRequest.LocalFile(
      path: path, content: Array(data), mode: mode, owner: owner)
  }
}
