import Glibc

/// Keeps the service's public keys in a user's authorized_keys, in a block of its own.
public struct KeyManager: Manager {
  private let user: String
  private let findAccount: @Sendable (String) throws(AgentError) -> Account

  public var name: String { "keys of \(user)" }

  public init(user: String) {
    self.init(user: user) { name throws(AgentError) in try Account(named: name) }
  }

  init(user: String, account: @escaping @Sendable (String) throws(AgentError) -> Account) {
    self.user = user
    findAccount = account
  }

  /// What is there now.
  private struct Found {
    var file: Folder.File?
    var folderMode: UInt32?
  }

  public func difference(from metadata: InstanceMetadata) throws(AgentError) -> Difference? {
    // Keys that cannot be read are no order to take away those that could.
    if metadata.keys.isEmpty, let reason = metadata.refusedKeys.first { throw AgentError(reason) }
    let account = try findAccount(user)
    let found = try account.asUser { () throws(AgentError) in try look(account) }
    let text = AuthorizedKeys(found.file?.bytes ?? [])
    let wanted = text.wanted(of: metadata.keys)
    let bytes = text.bytes(with: wanted)
    let isOpen =
      !wanted.isEmpty
      && ((found.file?.permissions ?? 0o600) != 0o600 || (found.folderMode ?? 0o700) != 0o700)
    guard bytes != found.file?.bytes ?? [] || isOpen else { return nil }
    let path = "\(account.home)/.ssh/authorized_keys"
    let new = wanted.map(\.line)
    return Difference(
      title: path,
      lines: text.own.filter { !new.contains($0) }.map { "- \($0)" }
        + new.filter { !text.own.contains($0) }.map { "+ \($0)" }
        + (isOpen ? ["+ mode 0700 for .ssh, 0600 for authorized_keys"] : []),
      done: wanted.isEmpty
        ? "no key of the service's is left in \(path)"
        : "\(user) has \(wanted.count) of its keys in \(path)",
      set: { () throws(AgentError) in
        try account.asUser { () throws(AgentError) in
          try write(bytes, account, expecting: found.file?.stamp)
        }
        SELinux.relabel("\(account.home)/.ssh")
      })
  }

  private func home(_ account: Account) throws(AgentError) -> Folder {
    do throws(AgentError) {
      guard account.home.hasPrefix("/") else { throw AgentError("'\(account.home)' is no path") }
      return try Folder(account.home)
    } catch {
      throw AgentError("\(user) has no home to put keys into: \(error)")
    }
  }

  private func look(_ account: Account) throws(AgentError) -> Found {
    let home = try home(account)
    guard let folder = try home.folder(".ssh") else { return Found() }
    return Found(
      file: try folder.read("authorized_keys", limit: Bounds.authorizedKeysBytes),
      folderMode: folder.status.st_mode & 0o7777)
  }

  private func write(_ bytes: [UInt8], _ account: Account, expecting stamp: Folder.Stamp?)
    throws(AgentError)
  {
    let home = try home(account)
    let folder = try home.makeFolder(".ssh", mode: 0o700)
    if folder.status.st_mode & 0o7777 != 0o700 { try folder.set(mode: 0o700) }
    try folder.replace("authorized_keys", with: bytes, mode: 0o600, expecting: stamp)
  }
}

/// Labels of new files, where the kernel enforces them.
enum SELinux {
  static func relabel(_ path: String) {
    guard unsafe access("/sys/fs/selinux/enforce", F_OK) == 0,
      let tool = Command.find("restorecon")
    else { return }
    _ = try? Command.run([tool, "-R", path])
  }
}
