import HostNetwork
import Logging
import ServiceLifecycle

/// Keeps the redirect in its place for as long as the daemon runs, and leaves it there: a guest that
/// asks while the daemon is down is refused at once, and never sent to somebody else.
struct RedirectKeeper: Service {
  let redirect: Redirect
  let logger: Logger

  /// Installs it a first time.
  /// - Throws: Why it cannot be installed; the daemon should not start then.
  func install() async throws {
    guard case .installed(let missing) = try await redirect.install() else {
      logger.info("the redirect is in place")
      return
    }
    logger.notice(
      "the redirect is installed", metadata: ["before": "\(RedirectKeeper.text(missing))"])
    for note in try await redirect.check().notes { logger.info("redirect: \(note)") }
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await RedirectReconciler(redirect).run { event in
        switch event {
        case .repaired(let drift):
          logger.warning(
            "the redirect was changed and is repaired",
            metadata: ["drift": "\(RedirectKeeper.text(drift))"])
        case .contested(let drift):
          logger.error(
            "something else changes the redirect again and again; find it, or unset manage_redirect",
            metadata: ["drift": "\(RedirectKeeper.text(drift))"])
        case .failed(let reason):
          logger.error("the redirect cannot be kept", metadata: ["reason": "\(reason)"])
        }
      }
    }
  }

  private static func text(_ drift: [String]) -> String { drift.joined(separator: "; ") }
}
