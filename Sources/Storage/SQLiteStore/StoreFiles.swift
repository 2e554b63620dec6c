internal import Foundation
internal import Inventory
internal import Synchronization

/// Which files an open store writes to.
///
/// A file that is deleted or replaced while it is open is still written to, and nobody finds there
/// what was written: such a write must not be acknowledged.
final class StoreFiles: Sendable {
  private struct Identity: Hashable {
    let device: UInt64
    let number: UInt64

    init?(_ path: String) {
      var status = stat()
      guard unsafe stat(path, &status) == 0 else { return nil }
      device = UInt64(status.st_dev)
      number = UInt64(status.st_ino)
    }
  }

  private let identities: [(path: String, identity: Identity?)]

  private let isClosed = Atomic(false)

  /// The files that a directory has now, which must be open.
  init(_ directory: StoreDirectory) {
    identities = [directory.database, directory.database + "-wal"].map { ($0, Identity($0)) }
  }

  /// - Throws: ``StoreError/unavailable(_:)`` where another file, or none, stands in a file's place.
  func check() throws(StoreError) {
    if isClosed.load(ordering: .acquiring) { return }
    for (path, identity) in identities where Identity(path) != identity {
      throw .unavailable(
        "\(path) was removed or replaced while the daemon has it open, and what is written now "
          + "would be lost: put the same file back, or stop the daemon and restore a backup")
    }
  }

  /// A store that is closed has let go of its files.
  func close() { isClosed.store(true, ordering: .releasing) }
}
