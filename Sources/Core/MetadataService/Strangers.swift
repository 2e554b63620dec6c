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
    /// Whose address it is, where it came with another MAC than the instance's.
    public var conflict: MACConflict?
    public var requests: Int
    /// Seconds since 1970.
    public var lastSeenSeconds: Int

    public init(
      source: Source, role: AddressRole?, conflict: MACConflict? = nil, requests: Int,
      lastSeenSeconds: Int
    ) {
      self.source = source
      self.role = role
      self.conflict = conflict
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

  func note(
    _ request: GuestRequest, role: AddressRole? = nil, conflict: MACConflict? = nil, now: Int
  ) {
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
        source: source, role: role, conflict: conflict, requests: requests &+ 1,
        lastSeenSeconds: now)
    }
  }

  /// The latest first.
  public var sightings: [Sighting] {
    state.withLock { Array($0.sightings.values) }
      .sorted { $0.lastSeenSeconds > $1.lastSeenSeconds }
  }
}
