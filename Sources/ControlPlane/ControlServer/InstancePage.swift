import ControlAPI
import Inventory
import MetadataService

/// A page of the instances, of which there may be a million: only those that may be on the page are taken
/// apart.
struct InstancePage {
  let catalog: LiveCatalog
  let order: KeptOrder
  let query: ListQuery
  let isVisible: (Resource) -> Bool

  /// Of a list in which few match, so many are taken apart before the next are looked for.
  private static let maximumCandidates = 65_536

  /// The page's records in order, and one more where there is a next page.
  func records(after marker: InstanceID?) -> [Record] {
    var (marker, wanted) = (marker, query.limit + 1)
    let mentioned = mentioned
    var page: [Record] = []
    while true {
      let candidates = ids(after: marker, count: wanted)
      for id in candidates {
        guard let view = catalog.read({ $0.view(of: id) }),
          mentioned.allSatisfy(view.instance.mentions)
        else { continue }
        let record = view.record
        guard isVisible(record.resource), query.matches(record.resource) else { continue }
        page.append(record)
        if page.count > query.limit { return page }
      }
      guard candidates.count == wanted else { return page }
      marker = candidates.last
      wanted = min(wanted * 4, InstancePage.maximumCandidates)
    }
  }

  /// Texts that every record on the page has; one that can be written in several ways is left out.
  private var mentioned: [[UInt8]] {
    [query.project, query.name, query.host, query.hostname, query.network?.text]
      .compactMap { $0.map { Array($0.utf8) } }.filter { $0.allSatisfy { $0 < 0x80 } }
  }

  /// The smallest ids after one, in order.
  private func ids(after marker: InstanceID?, count: Int) -> [InstanceID] {
    if let address = query.address {
      return holders(of: address).filter { id in marker.map { id > $0 } ?? true }.sorted()
    }
    return order.ids(after: marker, count: count)
  }
}

extension InstancePage {
  /// Who has an address, on the network that is asked for or any.
  private func holders(of address: IPAddress) -> [InstanceID] {
    catalog.read { [query] catalog in
      switch catalog.find(address, on: query.network) {
      case .unknown: return []
      case .instance(let view): return [view.id]
      case .ambiguous:
        let networks = query.network.map { [$0] } ?? catalog.networks(having: address)
        return networks.compactMap { network in
          guard case .instance(let view) = catalog.find(address, on: network) else { return nil }
          return view.id
        }
      }
    }
  }
}
