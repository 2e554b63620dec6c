public import Inventory

extension Limits {
  /// The body of a request that carries one document: the document, and its JSON's own signs.
  public static let maximumControlBodyBytes = maximumDocumentBytes + 64 * 1024
  /// A request's path and query on the control socket: the longest key, each byte percent-encoded.
  public static let maximumControlTargetBytes = 8192
  /// Attempts to change an instance's metadata while others change it too. Each attempt that fails
  /// means that another one succeeded, so this many writers at a time all get through.
  public static let maximumWriteAttempts = 128
  /// Nodes of one instance's tree. All dialects and versions together have a few hundred.
  public static let maximumTreeNodes = 4096
  /// Levels of that tree; the deepest dialect has eight.
  public static let maximumTreeDepth = 16
  /// How long the order of all instances is kept for the next page of a list, at least: a person reads one.
  public static let listingPauseMilliseconds = 60_000
  /// Documents between two lines of progress.
  public static let documentsPerProgress = 500
  /// How long a silent watch may seem dead: proxies and clients give up after a minute.
  public static let watchHeartbeatMilliseconds = 15_000
  /// How long one question after a guest's readiness waits: proxies give up on a silent answer, and
  /// whoever waits longer asks again.
  public static let maximumReadinessWaitSeconds = 300
  /// Questions that wait at a time: a rack that is about to be started.
  public static let maximumReadinessWaits = 1024
  /// An access that lasts longer than ten years is meant to last for ever, and says so.
  public static let maximumAccessSeconds = 10 * 366 * 86_400
  /// A bearer token as it comes; ours have 47 characters.
  public static let maximumBearerBytes = 256
  /// Connections to the control socket: all watchers and as many others.
  public static let maximumSocketConnections = 2 * maximumWatchers
  /// Connections of one client, whose questions may wait for minutes: an address's share, halved so that
  /// two have room.
  public static let maximumClientConnections = maximumControlConnectionsPerAddress / 2
  /// Connections to the control listener, and those of one address: a team's programs behind one
  /// router.
  public static let maximumControlConnections = 1024
  public static let maximumControlConnectionsPerAddress = 128
  /// A connection without a request, a head that does not end, a body that does not go on, an answer
  /// that is not taken.
  public static let controlIdleMilliseconds = 30_000
  /// A whole body, save that of an apply, which may be made while it is sent.
  public static let controlBodyMilliseconds = 60_000
  /// How long what a client still sends is read after it has its answer, so that it gets it.
  public static let controlLingerMilliseconds = 2_000
  /// A request's line and headers: the longest target and a token, with room for proxies' headers.
  public static let maximumControlHeadBytes = 32 * 1024
  public static let maximumControlHeaders = 100
  /// Wrong tokens that an address may show at once, and how long it then waits for the next one.
  public static let maximumFailedAttempts = 10
  public static let failedAttemptSeconds = 6
  /// Addresses whose failures are remembered.
  public static let maximumFailedAddresses = 4096
  /// How long an acknowledged write may wait until this daemon's catalogue has it, and any request
  /// for a daemon that still reads its store.
  public static let visibilityTimeoutMilliseconds = 30_000
  /// When to ask a daemon again that still reads its store: it has waited for long already.
  public static let loadingRetrySeconds = 1
}
