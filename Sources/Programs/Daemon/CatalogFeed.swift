import Inventory
import Logging
import MetadataService

/// Keeps the catalogue in memory in step with the store.
struct CatalogFeed {
  let store: any InventoryStore
  let catalog: LiveCatalog
  let logger: Logger

  /// Reads the store into the catalogue.
  func load() async throws(StoreError) {
    let snapshot = try await store.load()
    catalog.replace(with: Catalog(snapshot))
    logger.info(
      "catalogue loaded",
      metadata: [
        "revision": "\(snapshot.revision)", "records": "\(snapshot.records.count)",
      ])
  }

  /// Follows the store's changes until the task is cancelled. A store that cannot be read is tried
  /// again: guests are answered from what is known meanwhile, and writes say that they are not
  /// visible.
  func run() async {
    while !Task.isCancelled {
      do {
        try await follow()
      } catch {
        logger.error("the catalogue cannot follow the store", metadata: ["reason": "\(error)"])
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }

  private func follow() async throws(StoreError) {
    do {
      let changes = try await store.changes(after: catalog.read { $0.revision })
      for await batch in changes { catalog.apply(batch) }
    } catch .compacted {
      logger.warning("the change log does not reach back far enough; reading everything anew")
      try await load()
    }
  }
}
