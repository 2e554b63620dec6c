public import Inventory
import Synchronization

/// Where requests came from that no instance sent: what an operator looks at when a guest gets
/// nothing.
public final class Strangers: Sendable {
  /// An address on a listener's network.
  public struct Source: Sendable, Hashable {
    public var address: IPAddress
    /// Nil for a listener that serves any network.
    public var network: NetworkID?

    public init(address: IPAddress, network: NetworkID?) {
      self.address = address
      self.network = network
    }
  }

  public struct Sighting: Sendable, Hashable {
    public var source: Source
    /// What the address is known as, where it is known at all.
    public var role: AddressRole?
    public var requests: Int
    /// Seconds since 1970.
    public var lastSeenSeconds: Int

    public init(source: Source, role: AddressRole?, requests: Int, lastSeenSeconds: Int) {
      self.source = source
      self.role = role
      self.requests = requests
      self.lastSeenSeconds = lastSeenSeconds
    }
  }

  private struct State {
    var sightings: [Source: Sighting] = [:]
    /// The sources in the order in which they were first seen; the oldest gives way.
    var order: [Source] = []
  }

  private let state = Mutex(State())

  func note(_ request: GuestRequest, role: AddressRole?, now: Int) {
    let source = request.origin
    state.withLock { state in
      if state.sightings[source] == nil {
        if state.order.count >= Limits.maximumStrangers {
          state.sightings[state.order.removeFirst()] = nil
        }
        state.order.append(source)
      }
      let requests = state.sightings[source]?.requests ?? 0
      state.sightings[source] = Sighting(
        source: source, role: role, requests: requests &+ 1, lastSeenSeconds: now)
    }
  }

  /// The latest first.
  public var sightings: [Sighting] {
    state.withLock { Array($0.sightings.values) }
      .sorted { $0.lastSeenSeconds > $1.lastSeenSeconds }
  }
}
