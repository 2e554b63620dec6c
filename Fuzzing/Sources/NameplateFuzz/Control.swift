import ControlAPI
import Inventory

@testable import ControlServer

/// A request of the control API, without a server: `METHOD TARGET`, perhaps conditions, an empty
/// line, the body's lines.
func fuzzControl(_ input: [UInt8]) {
  let text = String(decoding: input, as: UTF8.self)
  let lines = text.split(separator: "\n", maxSplits: 3, omittingEmptySubsequences: false)
  let words = lines[0].split(separator: " ", maxSplits: 1)
  if words.count == 2 { checkTarget(method: String(words[0]), String(words[1])) }
  if lines.count > 2 { checkConditions(String(lines[1]), String(lines[2])) }
  checkLines(input)
}

private func checkTarget(method: String, _ target: String) {
  let path = String(target.prefix { $0 != "?" && $0 != "#" })
  do throws(Problem) {
    let (route, parameters) = try RouteTable.match(method: method, path: path)
    let again = route.segments.map { segment in
      segment.hasPrefix("{")
        ? PercentCoding.encode(parameters[String(segment.dropFirst().dropLast())] ?? "") : segment
    }
    let written = "/v1/" + again.joined(separator: "/")
    let match = try RouteTable.match(method: method, path: written)
    expect(match.route == route && match.parameters == parameters, "\(path) is also \(written)")
  } catch {
    expect((400..<500).contains(error.kind.status) && !error.detail.isEmpty, "\(error)")
    expectEqual(Problem(reading: error.value)?.kind, error.kind, "the problem does not read back")
  }
  guard let query = PercentCoding.query(target.dropFirst(path.count).dropFirst())
  else { return }
  for (name, value) in query {
    for text in [name, value] {
      expectEqual(PercentCoding.decode(PercentCoding.encode(text)), text, "the query is not kept")
    }
  }
  for kind in ResourceKind.allCases {
    guard let list = try? ListQuery(query, for: kind) else { continue }
    expect((1...Limits.maximumPageSize).contains(list.limit), "a page of \(list.limit)")
  }
}

private func checkConditions(_ ifMatch: String, _ ifNoneMatch: String) {
  for (match, noneMatch) in [(ifMatch, nil), (nil, ifNoneMatch), (ifMatch, ifNoneMatch)] {
    guard
      case .revisions(let revisions)? = try? ETag.precondition(
        ifMatch: match, ifNoneMatch: noneMatch)
    else { continue }
    for revision in revisions {
      expectEqual(ETag.revision(ETag.text(revision)), revision, "a revision is not kept")
      expect(ETag.isKnown(revision, to: ETag.text(revision)), "a revision is not known")
    }
  }
}

private func checkLines(_ input: [UInt8]) {
  let ways = Pieces.ways(of: input).map(lines)
  for way in ways.dropFirst() { expectEqual(way, ways[0], "another cut gives other lines") }
  for line in ways[0] ?? [] {
    guard let value = try? JSONValue(parsing: line) else { continue }
    checkForms(value)
  }
}

/// Nil where a line is too long.
private func lines(_ pieces: [ArraySlice<UInt8>]) -> [[UInt8]]? {
  var splitter = LineSplitter(limit: 4096)
  var lines: [[UInt8]] = []
  for piece in pieces {
    guard let more = try? splitter.feed(piece) else { return nil }
    lines += more
  }
  return lines + (splitter.finish().map { [$0] } ?? [])
}
