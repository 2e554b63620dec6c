/// Connections that were accepted where more came at once than could be heard, in their order.
struct Crowd {
  struct Newcomer {
    let key: Poll.Key
    /// When the kernel told of it, in nanoseconds.
    let since: Int
  }

  /// The first to come last.
  private var first: [Newcomer] = []
  /// Those that came after them, in their order.
  private var others: [Newcomer] = []

  var isEmpty: Bool { first.isEmpty && others.isEmpty }

  mutating func append(_ key: Poll.Key, since: Int) {
    others.append(Newcomer(key: key, since: since))
  }

  /// Takes out the one that came first.
  mutating func popFirst() -> Newcomer? {
    if first.isEmpty {
      first = others.reversed()
      others = []
    }
    return first.popLast()
  }
}
