/// What differs between two texts, line by line, for a person.
enum LineDiff {
  static func print(from before: [String], to after: [String]) {
    let changes = after.difference(from: before)
    let removed = Set(changes.removals.map(offset))
    let inserted = Set(changes.insertions.map(offset))
    var old = 0
    for (index, line) in after.enumerated() {
      while removed.contains(old) {
        Swift.print(Terminal.red("- \(before[old])"))
        old += 1
      }
      if inserted.contains(index) {
        Swift.print(Terminal.green("+ \(line)"))
      } else {
        Swift.print("  \(line)")
        old += 1
      }
    }
    for index in before.indices.dropFirst(old) where removed.contains(index) {
      Swift.print(Terminal.red("- \(before[index])"))
    }
  }

  private static func offset(_ change: CollectionDifference<String>.Change) -> Int {
    switch change {
    case .insert(let offset, _, _), .remove(let offset, _, _): offset
    }
  }
}
