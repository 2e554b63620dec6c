/// Keeps byte order marks inside a text, such as one that starts an instance's user data.
///
/// The YAML parser drops a mark at the start of any scalar. So marks go through it as another
/// character, one that the text does not use, and become marks again afterwards.
struct ByteOrderMarks {
  private static let mark: Unicode.Scalar = "\u{FEFF}"
  private let standIn: Unicode.Scalar?

  init(_ text: String) {
    // A mark at the start of the file is the file's own.
    guard text.unicodeScalars.dropFirst().contains(ByteOrderMarks.mark) else {
      standIn = nil
      return
    }
    let used = Set(text.unicodeScalars.lazy.filter { $0.properties.generalCategory == .privateUse })
    let candidates = (0xE000...0xF8FF).lazy.compactMap { Unicode.Scalar(UInt32($0)) }
    standIn = candidates.first { !used.contains($0) }
  }

  /// The text with all marks but the file's own hidden.
  func hidden(_ text: String) -> String {
    guard let standIn else { return text }
    var scalars = String.UnicodeScalarView()
    for (index, scalar) in text.unicodeScalars.enumerated() {
      scalars.append(index > 0 && scalar == ByteOrderMarks.mark ? standIn : scalar)
    }
    return String(scalars)
  }

  /// What ``hidden(_:)`` has hidden, as it was.
  func restored(_ text: String) -> String {
    guard let standIn, text.unicodeScalars.contains(standIn) else { return text }
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      scalars.append(scalar == standIn ? ByteOrderMarks.mark : scalar)
    }
    return String(scalars)
  }
}
