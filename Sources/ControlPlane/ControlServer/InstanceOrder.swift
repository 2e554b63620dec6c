import Inventory
import MetadataService

/// The ids of all instances of a catalogue, in order, and what came to it since.
struct InstanceOrder {
  /// The catalogue that this is the order of, and how many had come to it when it was made.
  let generation: UInt64
  let madeAtArrivals: Int
  private let ids: [InstanceID]
  /// What came later, in order.
  private var late: [InstanceID] = []
  /// How many have come to the catalogue as far as they are in here.
  private var arrivals: Int

  /// Ids that are read while the catalogue is locked.
  private static let part = 16_384

  /// Looks through all instances, in parts, so that no guest waits for it.
  init(of catalog: LiveCatalog) {
    // What comes meanwhile may or may not be found, and is among the arrivals.
    let (generation, arrivals, count) = catalog.read {
      ($0.generation, $0.arrivals, $0.count(.instance))
    }
    var ids: [InstanceID] = []
    ids.reserveCapacity(count)
    var start: Int? = 0
    while let from = start {
      let part = catalog.read { $0.instances(from: from, count: InstanceOrder.part) }
      start = part.next
      ids += part.instances.lazy.map(\.id)
    }
    ids.sort()
    self.ids = ids
    self.generation = generation
    madeAtArrivals = arrivals
    self.arrivals = arrivals
  }

  /// How many ids are kept.
  var count: Int { ids.count + late.count }

  /// Takes what has come to the catalogue since it was last asked.
  /// - Returns: False where the order has to be made anew: too much came or went, or it is another
  ///   catalogue.
  mutating func follow(_ catalog: LiveCatalog) -> Bool {
    let now = catalog.read { [arrivals, generation] catalog in
      (
        count: catalog.count(.instance), arrivals: catalog.arrivals,
        ids: catalog.generation == generation ? catalog.arrivals(since: arrivals) : nil
      )
    }
    guard let new = now.ids else { return false }
    arrivals = now.arrivals
    if !new.isEmpty {
      late += new
      late.sort()
    }
    // Most would be of instances that are gone.
    return late.count <= Limits.maximumArrivals
      && count <= now.count * 2 + Limits.maximumArrivals
  }

  /// The next ids after one, in order, each once. Some may be of instances that are gone.
  func ids(after marker: InstanceID?, count: Int) -> [InstanceID] {
    var (early, late) = (ids.part(after: marker), late.part(after: marker))
    var found: [InstanceID] = []
    while found.count < count {
      let next: InstanceID
      switch (early.first, late.first) {
      case (let one?, let other?): next = min(one, other)
      case (let one?, nil), (nil, let one?): next = one
      case (nil, nil): return found
      }
      found.append(next)
      // An instance that went and came again is there more than once.
      while early.first == next { early.removeFirst() }
      while late.first == next { late.removeFirst() }
    }
    return found
  }
}

extension [InstanceID] {
  /// What is larger than a marker, of ids that are in order.
  fileprivate func part(after marker: InstanceID?) -> ArraySlice<InstanceID> {
    guard let marker else { return self[...] }
    var (lower, upper) = (startIndex, endIndex)
    while lower < upper {
      let middle = lower + (upper - lower) / 2
      if self[middle] > marker { upper = middle } else { lower = middle + 1 }
    }
    return self[lower...]
  }
}
