import ControlAPI
import Dialects
import Inventory

/// A target is normalised once and for all, and whatever it names has an answer, or none, in every
/// dialect for every instance; what a listing lists is there.
func fuzzTargets(_ input: [UInt8]) {
  guard let target = try? RequestTarget(parsing: input) else { return }
  let written = "/" + target.segments.map(PercentCoding.encode).joined(separator: "/")
  expectEqual(
    try? RequestTarget(parsing: Array(written.utf8)), target,
    "normalised again it is another target")
  for segment in target.segments {
    expect(
      !segment.isEmpty && segment != "." && segment != ".." && !segment.utf8.contains(0x2F),
      "'\(segment)' is left of the path")
  }
  guard let dialect = DialectTable.dialect(for: target) else {
    expect(false, "no dialect takes \(target)")
    return
  }
  // Nova's second name for its list of documents, which none of them stands below.
  let isAlias =
    target.segments.count == 3 && target.segments.first == "openstack"
    && target.segments.last == "version"
  for view in World.views {
    let input = World.input(view)
    guard let node = dialect.node(at: target, for: input) else { continue }
    _ = node.document
    guard case .listing(let entries) = node, !isAlias else { continue }
    for entry in entries {
      let below = RequestTarget(segments: target.segments + [entry.segment])
      expect(
        DialectTable.dialect(for: below)?.node(at: below, for: input) != nil,
        "\(below) is listed and not there")
    }
  }
}
