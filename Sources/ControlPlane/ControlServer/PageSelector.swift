import ControlAPI
import Inventory

/// Picks a page out of records that have no order, without sorting them all.
enum PageSelector {
  /// The page's records in order, and one more where there is a next page.
  static func select(_ records: [Record], _ query: ListQuery, after marker: String?) -> [Record] {
    var page = SmallestKeys<String>(count: query.limit + 1)
    var found: [String: Record] = [:]
    for record in records {
      let key = record.resource.id.text
      if let marker, key <= marker { continue }
      guard query.matches(record.resource) else { continue }
      page.take(key)
      found[key] = record
    }
    return page.keys.compactMap { found[$0] }
  }
}

/// The smallest of many keys, without sorting them all.
private struct SmallestKeys<Key: Comparable> {
  private let count: Int
  private var taken: [Key] = []
  /// None that is larger is wanted any more.
  private var bound: Key?

  init(count: Int) { self.count = count }

  mutating func take(_ key: Key) {
    if let bound, key > bound { return }
    taken.append(key)
    if taken.count >= count * 2 { settle() }
  }

  private mutating func settle() {
    taken.sort()
    if taken.count >= count {
      taken.removeLast(taken.count - count)
      bound = taken.last
    }
  }

  /// In order.
  var keys: [Key] {
    var settled = self
    settled.settle()
    return settled.taken
  }
}
