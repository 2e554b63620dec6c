import Glibc

/// The agent's own directory, for its user alone.
enum StateFolder {
  /// Opens it, made where it is missing.
  static func open(_ path: String) throws(AgentError) -> Folder {
    guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw AgentError("cannot make \(path)", errno: errno)
    }
    let folder = try Folder(path)
    if folder.status.st_mode & 0o7777 != 0o700 { try folder.set(mode: 0o700) }
    return folder
  }

  static func openIfThere(_ path: String) throws(AgentError) -> Folder? {
    guard unsafe access(path, F_OK) == 0 else { return nil }
    return try Folder(path)
  }
}
