import Inventory
import Logging
import MetadataService
import ServiceLifecycle

/// Keeps the keys of session tokens in step with the store, as a service.
struct TokenKeyKeeper: Service {
  let tokens: SessionTokens
  let logger: Logger

  /// Reads the keys, or makes the first one, before a guest is answered.
  func load() async throws(StoreError) {
    try await tokens.load(failed: report)
  }

  func run() async throws {
    await cancelWhenGracefulShutdown { await tokens.run(failed: report) }
  }

  private func report(_ error: StoreError) {
    logger.error(
      "the keys of session tokens cannot be renewed; those that are known stay in use",
      metadata: ["reason": "\(error)"])
  }
}
