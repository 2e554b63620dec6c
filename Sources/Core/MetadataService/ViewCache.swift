import Inventory
import Synchronization

/// Instances that have been taken apart, for the requests that follow: a boot makes dozens in a row.
///
/// Each instance has one place that it may be kept at; who comes there next takes it over.
final class ViewCache: Sendable {
  private struct Entry {
    let id: InstanceID
    let version: Catalog.Version
    let view: InstanceView
  }

  /// As many guests as may have a connection at once, at a few KiB each.
  private static let places = Limits.maximumConnections

  private let entries = Mutex<[Entry?]>(Array(repeating: nil, count: places))

  /// The instance with all that it refers to.
  func view(of holder: Catalog.Holder) -> InstanceView? {
    let id = holder.id
    let place = Int((id.upper ^ id.lower) % UInt64(ViewCache.places))
    let kept = entries.withLock { entries -> InstanceView? in
      guard let entry = entries[place], entry.id == id, entry.version == holder.version else {
        return nil
      }
      return entry.view
    }
    if let kept { return kept }
    guard let view = holder.view else { return nil }
    entries.withLock { $0[place] = Entry(id: id, version: holder.version, view: view) }
    return view
  }
}
