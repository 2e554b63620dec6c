/// Saves user data for whatever of this machine wants to read it. It is not run, and often secret.
public struct UserDataManager: Manager {
  private let state: String
  private static let file = "user-data"

  public var name: String { "user data" }

  /// - Parameter state: The agent's own directory.
  public init(state: String) { self.state = state }

  public func difference(from metadata: InstanceMetadata) throws(AgentError) -> Difference? {
    let wanted: [UInt8]?
    switch metadata.userData {
    case .nothing: wanted = nil
    case .empty: return nil
    case .unknown(let reason): throw reason
    case .value(let bytes): wanted = bytes
    }
    let saved = try StateFolder.openIfThere(state)?.read(
      UserDataManager.file, limit: Bounds.userDataBytes)
    let isClosed = (saved?.permissions ?? 0o600) == 0o600
    guard wanted != saved?.bytes || !isClosed else { return nil }
    let path = "\(state)/\(UserDataManager.file)"
    return Difference(
      title: path,
      lines: (saved.map { ["- \($0.bytes.count) bytes"] } ?? [])
        + (wanted.map { ["+ \($0.count) bytes"] } ?? []),
      done: wanted == nil ? "there is no user data any more" : "user data is in \(path)",
      set: { () throws(AgentError) in
        let folder = try StateFolder.open(state)
        guard let wanted else { return try folder.remove(UserDataManager.file) }
        try folder.replace(
          UserDataManager.file, with: wanted, mode: 0o600, expecting: saved?.stamp)
      })
  }
}
