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
  /// What stands for the answer that was given last.
  private var tag: String?
  /// Whether the service gives tags, as far as is known.
  private var hasTags = true
  /// Whether it is expected to hold the next question back.
  private(set) var mayHold = true

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

  /// The service's alone, once it is another than it was, where the service can wait for that. A drive
  /// does not change while the machine runs.
  func findChange() -> Found {
    var found = Found()
    let started = monotonicMilliseconds()
    let old = tag
    ask(&found, hasTags ? .unlike(tag: tag) : .plain)
    tag = found.metadata?.tag
    // The same again at once: it has no room for one more that waits.
    let isHeld = tag != old || monotonicMilliseconds() - started >= Bounds.holdPauseMilliseconds
    // Whoever answers after a failure may be another.
    hasTags = found.metadata == nil || tag != nil
    mayHold = hasTags && isHeld
    return found
  }

  private func ask(_ found: inout Found, _ question: ServiceReader.Question = .plain) {
    var connector = Connector(pinned.map { [$0] } ?? endpoints())
    var reasons: [(rank: Int, text: String)] = []
    while let connection = connector.next() {
      let endpoint = connection.endpoint
      let rank = connection.rank
      do throws(AgentError) {
        let session = try MetadataSession(over: connection)
        let reader = ServiceReader(session: session, wantsUserData: wantsUserData)
        let metadata = try reader.read(question)
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
