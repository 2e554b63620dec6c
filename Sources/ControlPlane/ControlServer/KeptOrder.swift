import ControlAPI
import Inventory
import MetadataService
import Synchronization

/// The order of all instances while somebody asks for lists of them. It is made once for all the pages
/// of a list, and for all lists that are asked for meanwhile: 16 bytes an instance, and none afterwards.
final class KeptOrder: Sendable {
  private struct State {
    var order: InstanceOrder?
    var isAskedFor = false
  }

  private let catalog: LiveCatalog
  private let state = Mutex(State())

  init(of catalog: LiveCatalog) { self.catalog = catalog }

  /// The next ids after one, in order: of every instance that is there now, and of some that are gone.
  func ids(after marker: InstanceID?, count: Int) -> [InstanceID] {
    // Who asks meanwhile waits for the same order, and does not make another one.
    state.withLock { state in
      state.isAskedFor = true
      var order = state.order ?? InstanceOrder(of: catalog)
      state.order = nil
      if !order.follow(catalog) {
        order = InstanceOrder(of: catalog)
        // Where very many come meanwhile, the next page finds them: this one does not wait for their end.
        guard order.follow(catalog) else { return order.ids(after: marker, count: count) }
      }
      state.order = order
      return order.ids(after: marker, count: count)
    }
  }

  /// The order as it is kept; nil where none is.
  var kept: InstanceOrder? { state.withLock { $0.order } }

  /// Lets go of the order where nobody has asked since the last time.
  func letGoIfUnused() {
    let unused = state.withLock { state in
      defer { state.isAskedFor = false }
      guard !state.isAskedFor else { return nil as InstanceOrder? }
      defer { state.order = nil }
      return state.order
    }
    withExtendedLifetime(unused) {}
  }

  /// Lets go of it some time after the last list, until the task is cancelled.
  func run() async {
    let interval = Duration.milliseconds(Limits.listingPauseMilliseconds)
    while (try? await Task.sleep(for: interval)) != nil { letGoIfUnused() }
  }
}
