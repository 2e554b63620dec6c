import Inventory
import Logging
import MetadataService
import Synchronization

/// Logs refusals, so many a second of each kind: a guest must not fill the disk with our log.
final class RefusalLog: Sendable {
  private struct Window {
    var second = 0
    var logged = 0
    var suppressed = 0
  }

  private static let linesPerSecond = 10
  private let logger: Logger
  private let now: @Sendable () -> Int
  private let windows = Mutex<[String: Window]>([:])

  init(logger: Logger, now: @escaping @Sendable () -> Int) {
    self.logger = logger
    self.now = now
  }

  func note(_ request: GuestRequest, _ answer: GuestAnswer) {
    guard let refusal = answer.refusal else { return }
    var metadata: Logger.Metadata = ["status": "\(answer.status)"]
    if let instance = answer.instance { metadata["instance"] = "\(instance)" }
    log("refused", refusal, request, kind: refusal.code, metadata)
  }

  /// Logs what would be refused if its rule were enforced.
  func note(_ request: GuestRequest, audited refusal: Refusal) {
    log("would be refused", refusal, request, kind: "audit.\(refusal.code)", [:])
  }

  private func log(
    _ what: String, _ refusal: Refusal, _ request: GuestRequest, kind: String,
    _ more: Logger.Metadata
  ) {
    let level = RefusalLog.level(of: refusal)
    guard level >= logger.logLevel, let suppressed = admit(kind) else { return }
    var metadata: Logger.Metadata = [
      "reason": "\(refusal.code)", "source": "\(request.source)",
      "network": "\(request.network?.text ?? "any")",
      "path": "\(String(decoding: request.target.prefix(200), as: UTF8.self))",
    ]
    metadata.merge(more) { $1 }
    if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
    logger.log(level: level, "\(what): \(refusal.detail)", metadata: metadata)
  }

  /// Guests probe for what may exist, so a missing path is nothing to an operator; a guest that
  /// cannot be known is.
  private static func level(of refusal: Refusal) -> Logger.Level {
    switch refusal {
    case .notFound, .methodNotAllowed, .passwordAlreadySet: .debug
    case .storeUnavailable, .tokenKeyMissing: .error
    default: .warning
    }
  }

  /// How many lines of this kind were left out since the last one; nil to leave out this one too.
  private func admit(_ code: String) -> Int? {
    let second = now()
    return windows.withLock { windows in
      var window = windows[code, default: Window()]
      defer { windows[code] = window }
      if window.second != second {
        window.second = second
        window.logged = 0
      }
      guard window.logged < RefusalLog.linesPerSecond else {
        window.suppressed += 1
        return nil
      }
      window.logged += 1
      defer { window.suppressed = 0 }
      return window.suppressed
    }
  }
}
