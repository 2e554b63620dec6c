/// SELinux labels as the kernel keeps them: text with a NUL at its end.
enum SELinuxLabel {
  /// A label for a new file: user, role and level as around it, and the type that is asked for.
  /// Nil where what is around it is no label.
  static func bytes(like around: [UInt8], type: String?) -> [UInt8]? {
    let text = text(around)
    let parts = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count >= 3, text.utf8.count <= 512,
      text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { return nil }
    var label = ["system_u", "object_r", type ?? String(parts[2])]
    if parts.count == 4 { label.append(String(parts[3])) }
    return Array(label.joined(separator: ":").utf8) + [0]
  }

  static func text(_ label: [UInt8]) -> String {
    String(decoding: label.prefix { $0 != 0 }, as: UTF8.self)
  }

  static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }
}
