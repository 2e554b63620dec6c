/// The text of an authorized_keys file, in which one marked block is ours; every other line stays
/// as it is. The marks are those of nameplate-guest: in a guest that runs it, what was injected
/// goes on following the service.
enum AuthorizedKeys {
  /// A line of options and an RSA key of 16,384 bits has 4 KiB; this is hundreds of them.
  static let maximumBytes = 1024 * 1024

  static let begin = "# BEGIN nameplate-guest: what is between these lines follows the service"
  static let end = "# END nameplate-guest"
  private static let beginMark = Array("# BEGIN nameplate-guest".utf8)
  private static let endMark = Array("# END nameplate-guest".utf8)

  /// The file with these keys in our block, which stands where it stood, else at the end. A key
  /// that another line has already is not repeated.
  static func text(_ old: [UInt8], with keys: [String]) -> [UInt8] {
    var (before, after) = others(in: old)
    let known = Set((before + after).flatMap { words(of: $0) })
    var seen: Set<String> = []
    let wanted = keys.filter { key in
      guard let blob = blob(of: key) else { return false }
      return !known.contains(blob) && seen.insert(blob).inserted
    }
    if !wanted.isEmpty {
      before += [Array(begin.utf8)] + wanted.map { Array($0.utf8) } + [Array(end.utf8)]
    }
    return (before + after).flatMap { $0 + [0x0A] }
  }

  /// All lines outside our block, before and after it.
  private static func others(in text: [UInt8]) -> (before: [[UInt8]], after: [[UInt8]]) {
    var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
    if lines.last?.isEmpty == true { lines.removeLast() }
    var before: [[UInt8]] = []
    var after: [[UInt8]] = []
    var hasBlock = false
    var index = 0
    while index < lines.count {
      let line = lines[index]
      index += 1
      if line.starts(with: beginMark) {
        hasBlock = true
        // A mark that has lost its end: what follows may be anybody's and stays.
        if let end = end(of: lines, after: index) { index = end + 1 }
      } else if !line.starts(with: endMark) {
        if hasBlock { after.append(line) } else { before.append(line) }
      }
    }
    return (before, after)
  }

  private static func end(of lines: [[UInt8]], after start: Int) -> Int? {
    for index in start..<lines.count {
      if lines[index].starts(with: endMark) { return index }
      if lines[index].starts(with: beginMark) { return nil }
    }
    return nil
  }

  /// The base64 part of a declared key, `ssh-ed25519 AAAA… comment`.
  private static func blob(of key: String) -> String? {
    let words = words(of: Array(key.utf8))
    return words.count >= 2 ? words[1] : nil
  }

  /// Words of a line that could be a key; a comment has none.
  private static func words(of line: [UInt8]) -> [String] {
    guard line.first(where: { $0 != 0x20 && $0 != 0x09 }) != UInt8(ascii: "#") else { return [] }
    return line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D })
      .map { String(decoding: $0, as: UTF8.self) }
  }
}
