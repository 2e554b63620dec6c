public import Dialects
import Inventory

/// Where a request leads, as far as its target says.
public final class Destination: Sendable {
  /// The target as it came.
  fileprivate let bytes: [UInt8]
  /// The dialect that the path is in, and who may ask in it; nil where it is in none.
  let dialect: (name: DialectName, admission: Admission)?
  /// What stands at the path; nil where nothing does, whoever asks.
  let place: MetadataPlace?
  /// Whether session tokens are handed out there.
  let isTokenPath: Bool
  /// What change is to be waited for, where the guest asks for that.
  let change: ChangeQuery?
  /// Set where it is no dialect's business.
  let probe: Probe?

  public init(_ bytes: [UInt8]) throws(RequestTarget.Malformed) {
    self.bytes = bytes
    let target = try RequestTarget(parsing: bytes)
    let dialect = DialectTable.dialect(for: target)
    self.dialect = dialect.map { ($0.name, $0.admission) }
    place = dialect?.place(at: target)
    isTokenPath = dialect?.tokenPaths.contains(target) == true
    change = ChangeQuery(target: bytes)
    probe = Probe(target: bytes)
  }

  var needs: Needs { place?.needs ?? [] }
}

/// Destinations that were found before: all guests of one image ask for the same few dozen.
///
/// Each has one place that it may be kept at; what is asked for a second time takes it over.
public struct Destinations: Sendable {
  /// What the boots of some images ask for. A power of two.
  private static let places = 1024
  /// Longer than any path of a boot's.
  private static let maximumBytes = 160

  private var kept = [Destination?](repeating: nil, count: places)
  private var asked = RecentHashes(places: places)

  /// Something random, so that nobody can choose whose places are his.
  private let salt = UInt64.random(in: .min ... .max)

  public init() {}

  /// Where a request line's target leads; nil where it cannot be read.
  public mutating func destination(of target: [UInt8]) -> Destination? {
    guard target.count <= Destinations.maximumBytes else { return try? Destination(target) }
    let hash = ByteHash.of(target.span, salt: salt)
    let place = Int(truncatingIfNeeded: hash) & (Destinations.places - 1)
    if let known = kept[place], known.bytes == target { return known }
    let new = try? Destination(target)
    if let new, asked.isSeenAgain(hash) { kept[place] = new }
    return new
  }
}
