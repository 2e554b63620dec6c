import Inventory
import Logging
import MetadataService
import Synchronization

/// Counts and logs what is refused before it is a request, so many lines a second at most: a guest
/// must not fill the disk with our log. Nothing that a guest sent is logged.
final class RefusalNotes: Sendable {
  private struct Window {
    var second = Int.min
    var lines = 0
    var suppressed = 0
    var guests: Set<GuestAccounts.Guest> = []
  }

  static let maximumLinesPerSecond = 10
  private let logger: Logger
  private let counters: Counters
  private let windows = Mutex<[String: Window]>([:])

  init(logger: Logger, counters: Counters) {
    self.logger = logger
    self.counters = counters
  }

  /// - Parameter now: Milliseconds of a clock that does not go back.
  func note(_ refusal: Refusal, of guest: GuestAccounts.Guest, now: Int) {
    counters.note(refusal)
    guard logger.logLevel <= .warning,
      let suppressed = admit(refusal, of: guest, second: now / 1000)
    else { return }
    var metadata: Logger.Metadata = [
      "reason": "\(refusal.code)", "source": "\(guest.address)",
      "network": "\(guest.network?.text ?? "any")", "status": "\(refusal.status)",
    ]
    if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
    logger.warning("refused: \(refusal.detail)", metadata: metadata)
  }

  /// How many lines of this kind were left out since the last one; nil to leave out this one too.
  private func admit(_ refusal: Refusal, of guest: GuestAccounts.Guest, second: Int) -> Int? {
    // Refusals are a few, so the windows are; a window's guests are as many as its lines.
    windows.withLock { windows in
      var window = windows[refusal.code, default: Window()]
      defer { windows[refusal.code] = window }
      if window.second != second {
        window.second = second
        window.lines = 0
        window.guests = []
      }
      guard window.lines < RefusalNotes.maximumLinesPerSecond,
        window.guests.insert(guest).inserted
      else {
        window.suppressed += 1
        return nil
      }
      window.lines += 1
      defer { window.suppressed = 0 }
      return window.suppressed
    }
  }
}
