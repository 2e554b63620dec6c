import Logging
import Synchronization

/// Keeps what is logged.
final class LogRecorder: LogHandler {
  struct Line: Sendable {
    var level: Logger.Level
    var metadata: Logger.Metadata
  }

  private let kept = Mutex<[Line]>([])

  var lines: [Line] { kept.withLock { $0 } }

  /// Everything is kept.
  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }

  subscript(metadataKey _: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    kept.withLock { $0.append(Line(level: event.level, metadata: event.metadata ?? [:])) }
  }
}
