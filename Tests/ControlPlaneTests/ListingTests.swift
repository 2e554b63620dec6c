import ControlAPI
import Inventory
import MetadataService
import Testing

@testable import ControlServer

@Suite("Lists of many instances")
struct ListingTests {
  /// Scattered, so that what comes later belongs between what is there.
  private static func id(_ number: Int) -> InstanceID {
    InstanceID(upper: UInt64(number) &* 0x9E37_79B9_7F4A_7C15, lower: UInt64(number))
  }

  private static func record(_ number: Int, _ revision: Revision = 1) -> Record {
    Record(
      resource: .instance(Instance(id: id(number), hostname: "h\(revision)")), revision: revision,
      createdAtSeconds: 0)
  }

  private static func deletion(_ number: Int) -> Change {
    .deleted(ResourceID(kind: .instance, text: id(number).description), project: nil)
  }

  private static func catalog(of numbers: Range<Int>) -> Catalog {
    Catalog(InventorySnapshot(revision: 1, records: numbers.map { record($0) }))
  }

  private static func page(
    of catalog: LiveCatalog, by order: KeptOrder, after marker: InstanceID?, limit: Int,
    hostname: String? = nil
  ) -> [InstanceID] {
    var query = ListQuery()
    query.limit = limit
    query.hostname = hostname
    let page = InstancePage(catalog: catalog, order: order, query: query) { _ in true }
    return page.records(after: marker).prefix(limit).compactMap { InstanceID($0.resource.id.text) }
  }

  @Test(
    "all that stay are shown once, in order, whatever is written between the pages; they are put in order once"
  )
  func writesBetween() {
    let (count, limit) = (20_000, 500)
    let live = LiveCatalog()
    live.replace(with: Self.catalog(of: 0..<count))
    let order = KeptOrder(of: live)
    var seen: [InstanceID] = []
    var (written, new, gone): (Revision, Int, Set<InstanceID>) = (1, count, [])
    while true {
      let page = Self.page(of: live, by: order, after: seen.last, limit: limit)
      if page.isEmpty { break }
      seen += page
      written += 1
      // Of every forty, one goes, one goes and comes again, one changes; and as many are new.
      let start = Int(written) * 40 % count
      var changes = [Self.deletion(start), Self.deletion(start + 1)]
      changes.append(.put(Self.record(start + 1, written)))
      changes.append(.put(Self.record(start + 2, written)))
      for _ in 0..<40 {
        changes.append(.put(Self.record(new, written)))
        new += 1
      }
      gone.insert(Self.id(start))
      live.apply(ChangeBatch(revision: written, changes: changes))
    }
    #expect(zip(seen, seen.dropFirst()).allSatisfy { $0 < $1 })
    #expect(Set(seen).isSuperset(of: Set((0..<count).map(Self.id)).subtracting(gone)))
    #expect(seen.count > count, "what is new is shown where it is still to come")
    #expect(order.kept?.madeAtArrivals == count)

    let again = Self.page(of: live, by: order, after: nil, limit: .max - 1)
    let there = live.read { $0.records(.instance) }.compactMap { InstanceID($0.resource.id.text) }
    #expect(again == there.sorted())
    #expect(order.kept?.madeAtArrivals == count, "another list has the same order")
  }

  @Test("lists that are asked for at once each show all that stay once, while others write")
  func atOnce() async {
    let count = 5000
    let live = LiveCatalog()
    live.replace(with: Self.catalog(of: 0..<count))
    let order = KeptOrder(of: live)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          var seen: [InstanceID] = []
          while true {
            let page = Self.page(of: live, by: order, after: seen.last, limit: 100)
            if page.isEmpty { break }
            seen += page
          }
          #expect(zip(seen, seen.dropFirst()).allSatisfy { $0 < $1 })
          #expect(Set(seen).isSuperset(of: (0..<count).map(Self.id)))
        }
      }
      group.addTask {
        for number in 0..<500 {
          let new = Change.put(Self.record(count + number, 2))
          live.apply(
            ChangeBatch(revision: 2, changes: [new, Self.deletion(count + number / 2)]))
          if number % 100 == 0 { order.letGoIfUnused() }
        }
      }
    }
  }

  @Test(
    "what came is known up to the bound; after one more the order is made anew, and nobody is missed"
  )
  func manyArrivals() {
    for more in [0, 1] {
      let live = LiveCatalog()
      live.replace(with: Self.catalog(of: 0..<10))
      let order = KeptOrder(of: live)
      #expect(Self.page(of: live, by: order, after: nil, limit: 5).count == 5)
      let end = 10 + Limits.maximumArrivals + more
      let new = (10..<end).map { Change.put(Self.record($0, 2)) }
      live.apply(ChangeBatch(revision: 2, changes: new))
      #expect(live.read { $0.arrivals(since: 10)?.count } == (more == 0 ? end - 10 : nil))
      let all = Self.page(of: live, by: order, after: nil, limit: .max - 1)
      #expect(all == (0..<end).map(Self.id).sorted())
      #expect(order.kept?.madeAtArrivals == (more == 0 ? 10 : end))
    }
  }

  @Test("an order of which most are gone, or of another catalogue, is made anew")
  func stale() {
    let count = 3 * Limits.maximumArrivals
    let live = LiveCatalog()
    live.replace(with: Self.catalog(of: 0..<count))
    let order = KeptOrder(of: live)
    #expect(Self.page(of: live, by: order, after: nil, limit: 1) == [Self.id(0)])
    live.apply(ChangeBatch(revision: 2, changes: (1..<count).map(Self.deletion)))
    #expect(Self.page(of: live, by: order, after: nil, limit: 10) == [Self.id(0)])
    #expect(order.kept?.count == 1)
    live.replace(with: Self.catalog(of: 5..<7))
    #expect(
      Self.page(of: live, by: order, after: nil, limit: 10) == [Self.id(5), Self.id(6)].sorted())
  }

  @Test("a filter that few match finds them all, over as many looks as it takes")
  func filter() {
    let live = LiveCatalog()
    live.replace(with: Self.catalog(of: 0..<5000))
    let changed = stride(from: 0, to: 5000, by: 1000).map { Change.put(Self.record($0, 2)) }
    live.apply(ChangeBatch(revision: 2, changes: changed))
    let order = KeptOrder(of: live)
    let found = Self.page(of: live, by: order, after: nil, limit: 10, hostname: "h2")
    #expect(found == stride(from: 0, to: 5000, by: 1000).map(Self.id).sorted())
  }

  @Test("nothing is kept where nobody lists")
  func letGo() {
    let live = LiveCatalog()
    live.replace(with: Self.catalog(of: 0..<10))
    let order = KeptOrder(of: live)
    #expect(order.kept == nil)
    _ = Self.page(of: live, by: order, after: nil, limit: 1)
    order.letGoIfUnused()
    #expect(order.kept?.count == 10, "it has just been asked for")
    order.letGoIfUnused()
    #expect(order.kept == nil)
    #expect(Self.page(of: live, by: order, after: nil, limit: 1).count == 1)
  }
}
