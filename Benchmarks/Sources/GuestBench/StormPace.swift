/// When the guests of a storm ask. Times are in microseconds.
struct StormPace {
  /// From the run's start to each guest's first request.
  var starts: [Int]
  /// From an answer's last byte until the next request is due, by request; the first is 0.
  var gaps: [Int]

  /// All at the same moment, and none ever pauses.
  static func atOnce(_ guests: Int, requests: Int) -> StormPace {
    StormPace(
      starts: [Int](repeating: 0, count: guests), gaps: [Int](repeating: 0, count: requests))
  }

  /// One after the other has booted.
  static func alone(_ guests: Int, requests: Int) -> StormPace {
    let gaps = gaps(requests)
    let each = gaps.reduce(0, +) * 5 / 4
    return StormPace(starts: (0..<guests).map { $0 * each }, gaps: gaps)
  }

  /// Rack by rack; a rack's guests come to cloud-init within the second after its power.
  static func spread(_ guests: Int, requests: Int, over microseconds: Int) -> StormPace {
    let racks = (guests + guestsOfRack - 1) / guestsOfRack
    var random = Random()
    let starts = (0..<guests).map {
      $0 / guestsOfRack * microseconds / racks + Int.random(in: 0..<1_000_000, using: &random)
    }
    return StormPace(starts: starts, gaps: gaps(requests))
  }

  private static let guestsOfRack = 40

  private static func gaps(_ requests: Int) -> [Int] {
    (0..<requests).map { recorded[min($0, recorded.count - 1)] }
  }

  /// What Debian's cloud-init 22.4.2 (DataSourceOpenStack) took from an answer's last byte to its next
  /// SYN, when it walked through an instance of `StormTown`: medians of seven runs, seen on the wire.
  /// The machine is a fast one; a slower guest pauses for longer.
  static let recorded = [
    0, 2299, 1157, 1045, 981, 995, 964, 1115, 981, 888, 859, 905, 856, 839,
    849, 858, 926, 919, 859, 849, 874, 869, 861, 845, 870, 887, 875, 860,
    906, 859, 913, 880, 868, 920, 922, 898, 900, 904, 874, 836, 852, 867,
    859, 883, 889, 869, 911, 871, 921, 862, 861, 866, 853, 841, 899, 915,
    835, 846, 847, 864, 841, 828, 851, 891, 836, 894, 848, 852, 834, 890,
    797, 841, 827, 835, 862, 855, 834, 841, 806, 818, 870, 854,
  ]

  /// SplitMix64, from the same seed for every server.
  private struct Random: RandomNumberGenerator {
    private var state: UInt64 = 42

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }
}

/// Guests by when their next request is due: a heap.
struct DueQueue {
  private var entries: [(due: Int, guest: Int)] = []

  var first: (due: Int, guest: Int)? { entries.first }

  mutating func push(_ guest: Int, due: Int) {
    entries.append((due, guest))
    var place = entries.count - 1
    while place > 0, entries[(place - 1) / 2].due > entries[place].due {
      entries.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  mutating func removeFirst() {
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    var place = 0
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2] where child < entries.count {
        if entries[child].due < entries[least].due { least = child }
      }
      if least == place { return }
      entries.swapAt(place, least)
      place = least
    }
  }
}
