/// Where the metadata of this machine comes from: a config drive, then the service that answers
/// first. Once one has answered, only that one is believed.
final class MetadataSource {
  struct Found {
    var metadata: InstanceMetadata?
    /// Why endpoints did not give any, the first one's first.
    var reasons: [String] = []
    /// Whether somebody answered, whatever it was.
    var isReached = false
  }

  private let endpoints: () -> [Endpoint]
  private let readDrive: () throws(AgentError) -> InstanceMetadata?
  private let wantsUserData: Bool
  private var pinned: Endpoint?
  /// Who this machine is, from whoever said it first.
  private var id: String?

  init(
    endpoints: @escaping () -> [Endpoint],
    drive: @escaping () throws(AgentError) -> InstanceMetadata?, wantsUserData: Bool
  ) {
    self.endpoints = endpoints
    readDrive = drive
    self.wantsUserData = wantsUserData
  }

  /// The drive's where it has keys, else the service's, else the drive's all the same.
  func find() -> Found {
    var found = Found()
    do throws(AgentError) {
      found.metadata = try readDrive()
    } catch {
      found.reasons.append("config drive: \(error)")
    }
    if let drive = found.metadata {
      found.isReached = true
      id = drive.id
      if !drive.keys.isEmpty { return found }
    }
    ask(&found)
    return found
  }

  /// The service's alone: a drive does not change while the machine runs.
  func findService() -> Found {
    var found = Found()
    ask(&found)
    return found
  }

  private func ask(_ found: inout Found) {
    var connector = Connector(pinned.map { [$0] } ?? endpoints())
    var reasons: [(rank: Int, text: String)] = []
    while let connection = connector.next() {
      let endpoint = connection.endpoint
      let rank = connection.rank
      do throws(AgentError) {
        let session = try MetadataSession(over: connection)
        let metadata = try ServiceReader(session: session, wantsUserData: wantsUserData).read()
        if let id, metadata.id != id {
          throw AgentError(
            "it answers for \(metadata.id), but this machine is \(id): it is not believed")
        }
        id = metadata.id
        pinned = endpoint
        found.metadata = metadata
        found.isReached = true
        return
      } catch {
        found.isReached = true
        reasons.append((rank, "\(endpoint): \(error)"))
      }
    }
    reasons += connector.failures.map { ($0.rank, "\($0.endpoint): \($0.reason)") }
    found.reasons += reasons.sorted { $0.rank < $1.rank }.map(\.text)
  }
}
