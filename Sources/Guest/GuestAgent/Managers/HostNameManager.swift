import Glibc

/// Sets the host name: the kernel's, and the one of the next boot.
public struct HostNameManager: Manager {
  private let folder: String
  private let file: String

  public var name: String { "host name" }

  public init() { self.init(folder: "/etc", file: "hostname") }

  init(folder: String, file: String) {
    self.folder = folder
    self.file = file
  }

  public func difference(from metadata: InstanceMetadata) throws(AgentError) -> Difference? {
    let wanted: String
    switch metadata.hostName {
    case .nothing, .empty: return nil
    case .unknown(let reason): throw reason
    case .value(let name): wanted = name.short
    }
    let current = HostNameManager.current
    let kept = try Folder(folder).read(file, limit: Bounds.leafBytes)
    // The kernel's name was taken from the file at boot; either may have been changed since.
    let isKept = kept?.bytes.filter { $0 > 0x20 } == Array(wanted.utf8)
    guard current != wanted || !isKept else { return nil }
    return Difference(
      title: "host name", lines: ["- \(current)", "+ \(wanted)"],
      done: "the host name is \(wanted)",
      set: { () throws(AgentError) in
        if !isKept {
          try Folder(folder).replace(
            file, with: Array("\(wanted)\n".utf8), mode: 0o644, expecting: kept?.stamp)
          SELinux.relabel("\(folder)/\(file)")
        }
        guard current != wanted else { return }
        guard unsafe sethostname(wanted, wanted.utf8.count) == 0 else {
          throw AgentError("cannot set the host name", errno: errno)
        }
      })
  }

  private static var current: String {
    var buffer = [CChar](repeating: 0, count: Bounds.hostNameBytes + 1)
    guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
