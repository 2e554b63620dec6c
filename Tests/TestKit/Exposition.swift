/// Metrics in Prometheus' text form, read strictly: what a scraper would let pass is refused too.
public struct Exposition: Sendable {
  public struct Series: Sendable, Hashable {
    public var name: String
    public var labels: [String: String]
  }

  public struct Fault: Error, CustomStringConvertible {
    public let description: String
  }

  /// By the family's name.
  public private(set) var kinds: [String: String] = [:]
  public private(set) var helps: [String: String] = [:]
  public private(set) var values: [Series: Double] = [:]

  public subscript(name: String, labels: [String: String]) -> Double? {
    values[Series(name: name, labels: labels)]
  }

  public subscript(name: String) -> Double? { self[name, [:]] }

  /// The sum over all series of a name.
  public func sum(of name: String) -> Double {
    values.filter { $0.key.name == name }.values.reduce(0, +)
  }

  public init(parsing text: String) throws {
    guard text.hasSuffix("\n") else { throw Fault(description: "the last line does not end") }
    var family = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
      switch (words.first, words.count) {
      case ("#", 4) where words[1] == "HELP":
        family = String(words[2])
        guard helps.updateValue(String(words[3]), forKey: family) == nil, Self.isName(family)
        else { throw Fault(description: "twice, or no name: \(line)") }
      case ("#", 4) where words[1] == "TYPE":
        guard words[2] == family, kinds.updateValue(String(words[3]), forKey: family) == nil,
          ["counter", "gauge", "histogram", "summary"].contains(words[3])
        else { throw Fault(description: "out of place: \(line)") }
      default: try read(line, of: family)
      }
    }
    try checkKinds()
  }

  private mutating func read(_ line: Substring, of family: String) throws {
    var rest = line
    let name = String(Self.take(while: { $0 != "{" && $0 != " " }, from: &rest))
    guard let kind = kinds[family], Self.suffixes(of: kind).contains(where: { family + $0 == name })
    else { throw Fault(description: "a sample of another family: \(line)") }
    var labels: [String: String] = [:]
    if rest.first == "{" {
      repeat {
        rest.removeFirst()
        let label = String(Self.take(while: { $0 != "=" }, from: &rest))
        guard Self.isName(label), !label.contains(":"), !label.hasPrefix("__"),
          rest.hasPrefix("=\""), labels[label] == nil
        else { throw Fault(description: "no label: \(line)") }
        rest.removeFirst(2)
        labels[label] = try Self.quoted(&rest)
      } while rest.first == ","
      guard rest.first == "}" else { throw Fault(description: "labels do not end: \(line)") }
      rest.removeFirst()
    }
    guard rest.first == " ", let value = Self.number(rest.dropFirst()) else {
      throw Fault(description: "no value: \(line)")
    }
    guard values.updateValue(value, forKey: Series(name: name, labels: labels)) == nil else {
      throw Fault(description: "twice: \(line)")
    }
  }

  private static func suffixes(of kind: String) -> [String] {
    switch kind {
    case "histogram": ["_bucket", "_sum", "_count"]
    case "summary": ["_sum", "_count"]
    default: [""]
    }
  }

  private static func number(_ text: Substring) -> Double? {
    switch text {
    case "+Inf": .infinity
    case "-Inf": -.infinity
    case "NaN": .nan
    default: text.contains { !"0123456789.e+-".contains($0) } ? nil : Double(text)
    }
  }

  private static func take(while isTaken: (Character) -> Bool, from rest: inout Substring)
    -> Substring
  {
    let taken = rest.prefix(while: isTaken)
    rest = rest.dropFirst(taken.count)
    return taken
  }

  /// A label's value, up to and with its closing quote.
  private static func quoted(_ rest: inout Substring) throws -> String {
    var value = ""
    while let scalar = rest.unicodeScalars.popFirst() {
      switch scalar {
      case "\"": return value
      case "\\":
        switch rest.unicodeScalars.popFirst() {
        case "\\": value += "\\"
        case "\"": value += "\""
        case "n": value += "\n"
        default: throw Fault(description: "an escape that there is not")
        }
      default: value.unicodeScalars.append(scalar)
      }
    }
    throw Fault(description: "a value does not end")
  }

  private static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || byte == 0x5F || byte == 0x3A
    }
  }

  // MARK: What kinds promise

  private func checkKinds() throws {
    guard Set(kinds.keys) == Set(helps.keys) else { throw Fault(description: "HELP without TYPE") }
    for (name, kind) in kinds {
      let isCounter = kind == "counter"
      guard isCounter == name.hasSuffix("_total") else {
        throw Fault(description: "\(name) is a \(kind)")
      }
      if kind == "histogram" { try checkHistogram(name) }
      let samples = values.filter { $0.key.name.hasPrefix(name) }
      guard !samples.isEmpty, kind == "gauge" || samples.values.allSatisfy({ $0 >= 0 }) else {
        throw Fault(description: "\(name) has no samples, or negative ones")
      }
    }
  }

  private func checkHistogram(_ name: String) throws {
    for (count, total) in values where count.name == "\(name)_count" {
      let buckets = values.compactMap { series, value -> (bound: Double, count: Double)? in
        var labels = series.labels
        guard series.name == "\(name)_bucket", let bound = labels.removeValue(forKey: "le"),
          labels == count.labels, let bound = Self.number(Substring(bound))
        else { return nil }
        return (bound, value)
      }.sorted { $0.bound < $1.bound }
      guard buckets.last?.bound == .infinity, buckets.last?.count == total,
        zip(buckets, buckets.dropFirst()).allSatisfy({ $0.count <= $1.count }),
        self["\(name)_sum", count.labels] != nil
      else { throw Fault(description: "the buckets of \(name) do not add up") }
    }
  }
}
