public import Inventory

/// Which guests ask most, found in a table that does not grow.
///
/// A guest has a few places that it may be in. Where others are in all of them, it has to outvote the
/// one that asks least: each of their requests is a vote, so whoever asks much stays, and whoever has
/// become quiet makes room (the heavy part of Yang et al., "Elastic Sketch", SIGCOMM 2018). Who is in the
/// table is counted exactly from then on.
struct BusyGuests: Sendable {
  private struct Place: Sendable {
    var guest = GuestAccounts.Guest(network: nil, address: .v4(0))
    var requests: UInt64 = 0
    var refused: UInt64 = 0
    var sentBytes: UInt64 = 0
    /// In seconds of the thread's clock.
    var lastSeen = 0

    mutating func count(_ isRefused: Bool, _ bytes: Int, _ second: Int) {
      requests &+= 1
      if isRefused { refused &+= 1 }
      sentBytes &+= UInt64(clamping: bytes)
      lastSeen = second
    }
  }

  private static let sets = 64
  private static let placesOfSet = 4
  /// So many requests of others are the most that it takes to have a quiet guest's place.
  private static let maximumVotes: UInt8 = 64

  /// Of the guests in the places; 0 for none.
  private var keys = [UInt64](repeating: 0, count: sets * placesOfSet)
  private var votes = [UInt8](repeating: 0, count: sets * placesOfSet)
  private var places = [Place](repeating: Place(), count: sets * placesOfSet)

  /// Counts an answer.
  /// - Parameter second: Of the thread's clock.
  mutating func note(
    _ guest: GuestAccounts.Guest, isRefused: Bool, sentBytes: Int, second: Int
  ) {
    let key = guest.key
    let first = Int(key % UInt64(BusyGuests.sets)) * BusyGuests.placesOfSet
    var weakest = first
    for index in first..<(first + BusyGuests.placesOfSet) {
      if keys[index] == key {
        if votes[index] < BusyGuests.maximumVotes { votes[index] += 1 }
        places[index].count(isRefused, sentBytes, second)
        return
      }
      if votes[index] < votes[weakest] { weakest = index }
    }
    guard votes[weakest] == 0 else {
      votes[weakest] -= 1
      return
    }
    keys[weakest] = key
    votes[weakest] = 1
    places[weakest] = Place(guest: guest)
    places[weakest].count(isRefused, sentBytes, second)
  }

  /// Those that have asked since a second of the thread's clock.
  func guests(since second: Int) -> [BusyGuest] {
    places.compactMap { place in
      guard place.requests > 0, place.lastSeen >= second else { return nil }
      return BusyGuest(
        network: place.guest.network, address: place.guest.address, requests: place.requests,
        refused: place.refused, sentBytes: place.sentBytes)
    }
  }
}

/// A guest that asks much, and what it was given since that is known.
public struct BusyGuest: Sendable, Hashable {
  /// The listener's network; nil for one that serves any.
  public var network: NetworkID?
  public var address: IPAddress
  /// That were answered, refused ones among them.
  public var requests: UInt64
  /// With a status of 400 or more.
  public var refused: UInt64
  /// The answers' bodies.
  public var sentBytes: UInt64
}

extension BusyGuest {
  /// What one guest was given by two threads.
  func adding(_ other: BusyGuest) -> BusyGuest {
    var sum = self
    sum.requests &+= other.requests
    sum.refused &+= other.refused
    sum.sentBytes &+= other.sentBytes
    return sum
  }
}
