import Glibc

/// A user of this machine, as the C library finds it.
struct Account: Hashable, Sendable {
  let name: String
  let user: uid_t
  let group: gid_t
  let home: String

  /// - Throws: Where there is none, what to do about it.
  init(named name: String) throws(AgentError) {
    var entry = unsafe passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 64 * 1024)
    let code = unsafe getpwnam_r(name, &entry, &buffer, buffer.count, &found)
    guard unsafe found != nil else {
      if code != 0, code != ENOENT { throw AgentError("cannot look up \(name)", errno: code) }
      throw AgentError("there is no user \(name): make it, or name another one with --user")
    }
    self.init(
      name: name, user: unsafe entry.pw_uid, group: unsafe entry.pw_gid,
      home: unsafe String(cString: entry.pw_dir))
  }

  init(name: String, user: uid_t, group: gid_t, home: String) {
    self.name = name
    self.user = user
    self.group = group
    self.home = home
  }

  /// Does something with the user's own rights: whatever is planted in a home leads no further
  /// than the user could go.
  func asUser<Result: ~Copyable>(_ work: () throws(AgentError) -> Result) throws(AgentError)
    -> Result
  {
    guard user != geteuid() else { return try work() }
    let ownGroup = getegid()
    var groups = [gid_t](repeating: 0, count: Int(max(0, getgroups(0, nil))))
    guard unsafe getgroups(Int32(groups.count), &groups) >= 0,
      unsafe initgroups(name, group) == 0, setegid(group) == 0
    else { throw AgentError("cannot act as \(name)", errno: errno) }
    defer {
      // The process cannot go on with half of its rights.
      guard seteuid(0) == 0, setegid(ownGroup) == 0, unsafe setgroups(groups.count, groups) == 0
      else { _exit(1) }
    }
    guard seteuid(user) == 0 else { throw AgentError("cannot act as \(name)", errno: errno) }
    return try work()
  }
}
