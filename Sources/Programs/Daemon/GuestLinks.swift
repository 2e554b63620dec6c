import GuestServer
import HostNetwork
import Logging
import MetadataService
import Synchronization

/// Says what the neighbour tables know of guests, in the words of the metadata service.
final class GuestLinks: Sendable {
  /// `metadata_routers`; nil where the way back says it.
  private let routers: Int?
  private let logger: Logger
  private let hasTold = Mutex(false)

  init(routers: Int?, logger: Logger) {
    self.routers = routers
    self.logger = logger
  }

  /// What listeners in the namespace of a table ask.
  func lookup(in table: NeighbourTable) -> LinkLookup {
    { way in
      self.facts(table.way(to: way.source, from: way.local, by: way.interface))
    }
  }

  func facts(_ way: NeighbourTable.Way) -> LinkFacts {
    var facts = LinkFacts()
    switch way {
    case .onLink(let mac): facts.mac = mac
    case .unresolved: facts.isMACUnresolved = true
    case .routed: facts.routers = routers ?? 1
    case .unsupported: tell()
    case .onLinkWithoutMAC, .unknown: break
    }
    return facts
  }

  private func tell() {
    guard
      hasTold.withLock({ told in
        defer { told = true }
        return !told
      })
    else { return }
    logger.warning(
      "this kernel cannot be asked for a neighbour's MAC (Linux 5.0 can): MACs are not compared")
  }
}
