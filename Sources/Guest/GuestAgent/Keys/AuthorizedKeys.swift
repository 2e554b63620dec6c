/// The text of an authorized_keys file, in which one marked block is the agent's. Every other byte
/// is somebody else's and stays as it is. Pure: bytes in, bytes out.
struct AuthorizedKeys {
  static let begin = "# BEGIN nameplate-guest: what is between these lines follows the service"
  static let end = "# END nameplate-guest"
  private static let beginMark = Array("# BEGIN nameplate-guest".utf8)
  private static let endMark = Array("# END nameplate-guest".utf8)

  /// Lines with their line breaks; the last one may have none.
  private let before: [ArraySlice<UInt8>]
  private let after: [ArraySlice<UInt8>]
  /// The lines inside the marks.
  let own: [String]

  init(_ bytes: [UInt8]) {
    let lines = AuthorizedKeys.lines(of: bytes)
    var before: [ArraySlice<UInt8>] = []
    var after: [ArraySlice<UInt8>] = []
    var own: [String] = []
    var hasBlock = false
    var index = 0
    while index < lines.count {
      let line = lines[index]
      index += 1
      if line.starts(with: AuthorizedKeys.beginMark) {
        // A mark without its end has lost it to an editor: what follows may be anybody's.
        if let end = AuthorizedKeys.end(of: lines, after: index) {
          own += lines[index..<end].map { AuthorizedKeys.text(of: $0) }
          index = end + 1
        }
        hasBlock = true
      } else if line.starts(with: AuthorizedKeys.endMark) {
        continue
      } else if hasBlock {
        after.append(line)
      } else {
        before.append(line)
      }
    }
    self.before = before
    self.after = after
    self.own = own
  }

  /// The block's end, unless another block starts before it.
  private static func end(of lines: [ArraySlice<UInt8>], after start: Int) -> Int? {
    for index in start..<lines.count {
      if lines[index].starts(with: endMark) { return index }
      if lines[index].starts(with: beginMark) { return nil }
    }
    return nil
  }

  /// The keys that the block should hold: each once, and none that somebody else has put into the
  /// file already. With options or without, that line decides what the key may do.
  func wanted(of keys: [PublicKey]) -> [PublicKey] {
    var seen = Set((before + after).compactMap { AuthorizedKeys.keyWord(in: $0) })
    return keys.filter { seen.insert($0.word).inserted }
  }

  /// The file with these keys in the block, and no block where there are none.
  func bytes(with keys: [PublicKey]) -> [UInt8] {
    var bytes = before.flatMap { $0 }
    if !keys.isEmpty {
      if let last = bytes.last, last != 0x0A { bytes.append(0x0A) }
      for line in [AuthorizedKeys.begin] + keys.map(\.line) + [AuthorizedKeys.end] {
        bytes += line.utf8
        bytes.append(0x0A)
      }
    }
    return bytes + after.flatMap { $0 }
  }

  /// The base64 word of a line that lets somebody in with a key.
  private static func keyWord(in line: ArraySlice<UInt8>) -> String? {
    let words = AuthorizedKeys.words(of: line)
    guard words.first?.hasPrefix("#") == false else { return nil }
    guard let index = words.firstIndex(where: { KeyType(name: $0) != nil }) else { return nil }
    // An authority's key is not one to log in with.
    guard !words[..<index].contains(where: { $0.contains("cert-authority") }) else { return nil }
    return index + 1 < words.count ? words[index + 1] : nil
  }

  /// Words between spaces and tabs, where those in double quotes do not part words.
  private static func words(of line: ArraySlice<UInt8>) -> [String] {
    var words: [String] = []
    var word: [UInt8] = []
    var isQuoted = false
    var isEscaped = false
    for byte in line {
      if byte == UInt8(ascii: "\""), !isEscaped { isQuoted.toggle() }
      isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
      if !isQuoted, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
        if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
        word = []
      } else {
        word.append(byte)
      }
    }
    if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
    return words
  }

  private static func lines(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: 0x0A) {
      lines.append(rest[...end])
      rest = rest[(end + 1)...]
    }
    if !rest.isEmpty { lines.append(rest) }
    return lines
  }

  private static func text(of line: ArraySlice<UInt8>) -> String {
    // It is shown to people: a terminal must not take orders from it.
    let text = String(decoding: line.last == 0x0A ? line.dropLast() : line, as: UTF8.self)
    return String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
  }
}
