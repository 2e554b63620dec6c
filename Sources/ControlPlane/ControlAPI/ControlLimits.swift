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
  /// Documents between two lines of progress.
  public static let documentsPerProgress = 500
  /// How long a silent watch may seem dead: proxies and clients give up after a minute.
  public static let watchHeartbeatMilliseconds = 15_000
  /// How long one question after a guest's readiness waits: proxies give up on a silent answer, and
  /// whoever waits longer asks again.
  public static let maximumReadinessWaitSeconds = 300
  /// Questions that wait at a time: a rack that is about to be started.
  public static let maximumReadinessWaits = 1024
  /// How long an acknowledged write may wait until this daemon's catalogue has it.
  public static let visibilityTimeoutMilliseconds = 30_000
}
