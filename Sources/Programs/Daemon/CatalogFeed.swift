import Inventory
import Logging
import MetadataService
import SQLiteStore
import ServiceLifecycle
import Synchronization

/// Keeps the catalogue in memory in step with the store.
struct CatalogFeed {
  let store: any InventoryStore
  let catalog: LiveCatalog
  let logger: Logger

  /// Reads the store into the catalogue.
  func load() async throws(StoreError) {
    let start = ContinuousClock.now
    let building = Mutex((catalog: Catalog(), records: 0))
    let revision = try await store.read { [catalog] part in
      catalog.note(read: part.entries.count, of: part.total)
      building.withLock { building in
        if building.records == 0 { building.catalog.reserve(part.total) }
        building.catalog.add(part.entries, passwords: part.passwords)
        building.records += part.entries.count
      }
    }
    // Taken out, so that no change has to copy it.
    var (whole, records) = (Catalog(), 0)
    building.withLock { building in
      swap(&whole, &building.catalog)
      records = building.records
    }
    whole.reach(revision)
    catalog.replace(with: whole)
    logger.info(
      "catalogue loaded",
      metadata: [
        "revision": "\(revision)", "records": "\(records)",
        "seconds": "\((ContinuousClock.now - start).components.seconds)",
      ])
  }

  /// Follows the store's changes until the task is cancelled. A store that cannot be read is tried
  /// again: guests are answered from what is known meanwhile, and writes say that they are not
  /// visible.
  func run() async {
    await catalog.waitUntilLoaded()
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

/// Reads the store while guests are answered from it, then checks what was too much to check before.
///
/// A store that cannot be read ends the daemon. Where damage is found after that, guests are answered
/// from memory as before: the store refuses all writes, and says why.
struct CatalogLoader: Service {
  let feed: CatalogFeed
  let store: SQLiteStore

  func run() async throws {
    try await cancelWhenGracefulShutdown {
      do {
        if !feed.catalog.isLoaded { try await feed.load() }
      } catch {
        guard !Task.isCancelled else { return }
        throw error
      }
      await check()
      // Until the daemon ends.
      await Occurrence().wait()
    }
  }

  private func check() async {
    while store.isUnchecked, !Task.isCancelled {
      do {
        try await store.checkPages()
      } catch {
        // What it found is told by who watches the store.
        if store.isUnchecked { try? await Task.sleep(for: StoreKeeper.lookInterval) }
      }
    }
  }
}
