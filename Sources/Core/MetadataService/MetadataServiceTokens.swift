public import Dialects
public import Inventory

/// Session tokens: who shows one, and who is given one.
extension MetadataService {
  /// Whether a request may have an answer that was kept for its like.
  func admits(_ request: GuestRequest, on terms: AnswerCache.Terms, now: Int) -> Bool {
    if let caller = request.caller, caller != terms.holder.instance { return false }
    if let token = request.question.fields.sessionToken {
      return tokens.verdict(on: token, of: terms.holder, now: now) == .valid
    }
    guard !terms.needsToken else { return false }
    terms.tally.note(terms.kind, now: now)
    return true
  }

  /// The answer to a request at a token's path.
  func token(for request: GuestRequest, as view: InstanceView, dialect: DialectName, now: Int)
    throws(Refusal) -> GuestAnswer
  {
    if let refusal = TokenRule.refusal(for: request) { throw refusal }
    let holder = TokenHolder(view, request)
    guard let seconds = TokenRule.seconds(request.fields.tokenTTL),
      let text = tokens.issue(to: holder, seconds: seconds, now: now)
    else { throw .tokenKeyMissing }
    counters.noteToken()
    let grant = TokenGrant(
      ttlSeconds: seconds, field: request.fields.tokenTTLField,
      // The operator counts from the guest's own host, as AWS does.
      hopLimit: min(
        TokenGrant.maximumHopLimit,
        view.metadataOptions.httpPutResponseHopLimit + max(0, request.link.routers)))
    return GuestAnswer(
      contentType: .plainText, body: text, instance: view.id, dialect: dialect, token: grant)
  }

  /// An instance that was answered without a session token.
  public struct TokenlessUser: Sendable, Hashable {
    public var instance: InstanceID
    public var hostname: String
    public var project: String?
    /// By dialect; never empty.
    public var requests: [DialectName: UInt64]
    /// Seconds since 1970.
    public var lastSeenSeconds: Int
    /// The service's start, or the instance's declaration. Seconds since 1970.
    public var countedSinceSeconds: Int

    fileprivate init?(_ instance: PackedInstance, serviceStartedAtSeconds: Int) {
      requests = [:]
      for dialect in DialectName.allCases {
        let count = instance.tokenless.requests(dialect.number)
        if count > 0 { requests[dialect] = count }
      }
      guard !requests.isEmpty else { return nil }
      self.instance = instance.id
      hostname = instance.hostname.string
      project = instance.project?.string
      lastSeenSeconds = instance.tokenless.lastSeenSeconds
      countedSinceSeconds = max(serviceStartedAtSeconds, instance.createdAtSeconds)
    }
  }

  /// Instances that are looked through while the catalogue is locked.
  private static let partOfUsers = 16_384

  /// All instances that were answered without a session token, the latest first.
  /// - Parameter project: Only those of this project.
  public func tokenlessUsers(in project: String? = nil) -> [TokenlessUser] {
    var users: [TokenlessUser] = []
    var start: Int? = 0
    while let from = start {
      let part = catalog.read {
        $0.instances(from: from, count: MetadataService.partOfUsers)
      }
      start = part.next
      users += part.instances.compactMap { instance in
        guard let user = TokenlessUser(instance, serviceStartedAtSeconds: startedAtSeconds),
          project == nil || user.project == project
        else { return nil }
        return user
      }
    }
    return users.sorted {
      ($1.lastSeenSeconds, $0.instance) < ($0.lastSeenSeconds, $1.instance)
    }
  }
}
