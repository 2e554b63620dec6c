/// Where each value of a document stands, so that a field's path leads to its line.
public indirect enum LineTree: Sendable, Hashable {
  case scalar(line: Int)
  case list(line: Int, [LineTree])
  case map(line: Int, [String: LineTree])

  /// The line that the value starts in, counted from 1; a map's member has the line of its key.
  public var line: Int {
    switch self {
    case .scalar(let line), .list(let line, _), .map(let line, _): line
    }
  }

  /// The line of a path such as `interfaces[0].mac`, or of as much of it as is there.
  public func line(of path: String) -> Int { line(of: path[...]) }

  private func line(of path: Substring) -> Int {
    switch self {
    case .scalar: return line
    case .list(_, let elements):
      guard path.first == "[", let end = path.firstIndex(of: "]"),
        let index = Int(path[path.index(after: path.startIndex)..<end]),
        elements.indices.contains(index)
      else { return line }
      return elements[index].line(of: LineTree.rest(path, after: path.index(after: end)))
    case .map(_, let members):
      // A key may itself contain dots and brackets, so the longest one that fits is taken.
      var best: (key: String, tree: LineTree)?
      for (key, tree) in members where LineTree.starts(path, with: key) {
        if key.utf8.count >= best?.key.utf8.count ?? 0 { best = (key, tree) }
      }
      guard let best else { return line }
      let end = path.utf8.index(path.startIndex, offsetBy: best.key.utf8.count)
      return best.tree.line(of: LineTree.rest(path, after: end))
    }
  }

  private static func starts(_ path: Substring, with key: String) -> Bool {
    guard !key.isEmpty, path.utf8.starts(with: key.utf8) else { return false }
    let next = path.utf8.dropFirst(key.utf8.count).first
    return next == nil || next == UInt8(ascii: ".") || next == UInt8(ascii: "[")
  }

  private static func rest(_ path: Substring, after index: Substring.Index) -> Substring {
    let rest = path[index...]
    return rest.first == "." ? rest.dropFirst() : rest
  }

  /// The same tree, starting in another line.
  func moved(to line: Int) -> LineTree {
    switch self {
    case .scalar: .scalar(line: line)
    case .list(_, let elements): .list(line: line, elements)
    case .map(_, let members): .map(line: line, members)
    }
  }
}
