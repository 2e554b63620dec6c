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
  /// that another line lets in already is not repeated.
  static func text(_ old: [UInt8], with keys: [String]) -> [UInt8] {
    let (before, after) = others(in: old)
    var seen = Set((before + after).compactMap { blob(of: $0) })
    let wanted = keys.filter { key in
      let line = Array(key.utf8)
      // Of a type that OpenSSH no longer takes, the second word all the same.
      guard let blob = blob(of: line) ?? words(of: line).dropFirst().first else { return false }
      return seen.insert(blob).inserted
    }
    var text = before.flatMap { $0 }
    if !wanted.isEmpty {
      if let last = text.last, last != 0x0A { text.append(0x0A) }
      text += ([begin] + wanted + [end]).flatMap { Array($0.utf8) + [0x0A] }
    }
    return text + after.flatMap { $0 }
  }

  /// All lines outside our block, before and after it, with their line breaks; the last one may have
  /// none.
  private static func others(in text: [UInt8]) -> (before: [[UInt8]], after: [[UInt8]]) {
    var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
      .map { Array($0) + [0x0A] }
    if let last = lines.popLast(), last.count > 1 { lines.append(last.dropLast()) }
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

  /// The base64 word of a line that lets somebody in with a key, options before it or not.
  private static func blob(of line: [UInt8]) -> String? {
    let words = words(of: line)
    guard words.first?.hasPrefix("#") == false,
      let index = words.firstIndex(where: { types.contains($0) }), index + 1 < words.count
    else { return nil }
    // An authority's key is not one to log in with.
    guard !words[..<index].contains(where: { $0.contains("cert-authority") }) else { return nil }
    return words[index + 1]
  }

  /// What OpenSSH takes.
  private static let types: Set<String> = [
    "ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
  ]

  /// Words between spaces and tabs, where those in double quotes do not part words.
  private static func words(of line: [UInt8]) -> [String] {
    var words: [[UInt8]] = [[]]
    var isQuoted = false
    var isEscaped = false
    for byte in line {
      if byte == UInt8(ascii: "\""), !isEscaped { isQuoted.toggle() }
      isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
      if !isQuoted, [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
        words.append([])
      } else {
        words[words.count - 1].append(byte)
      }
    }
    return words.filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
  }
}
