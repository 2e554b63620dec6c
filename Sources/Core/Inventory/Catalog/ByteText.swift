import Glibc

/// A text as its bytes of UTF-8, which lie in a block with others: an instance's text goes from the
/// instance's block into a document with one copy, and becomes no `String` on the way.
public struct ByteText: Sendable {
  private let block: [UInt8]
  private let place: Range<Int>

  /// - Parameter place: Where in the block it lies; what is beyond the block's end is left out.
  init(_ block: [UInt8], in place: Range<Int>) {
    self.block = block
    self.place = place.clamped(to: 0..<block.count)
  }

  init(_ bytes: [UInt8]) { self.init(bytes, in: 0..<bytes.count) }

  public init(_ text: String) { self.init(Array(text.utf8)) }

  public init(_ text: some ASCIIText) {
    self.init(TextBuffer.bytes(capacity: 48) { text.append(to: &$0) })
  }

  /// Texts one after another.
  /// - Parameter separator: What stands between each two.
  public init(joining texts: [ByteText], by separator: StaticString = "") {
    let count = texts.reduce(0) { $0 + $1.count + separator.utf8CodeUnitCount }
    let bytes = TextBuffer.bytes(capacity: count) { joined in
      for index in texts.indices {
        if index > 0 { joined.append(literal: separator) }
        joined.append(texts[index])
      }
    }
    self.init(bytes)
  }

  /// How many bytes it has.
  public var count: Int { place.count }
  public var isEmpty: Bool { place.isEmpty }

  /// The text for whoever needs a `String`. Bytes that are not UTF-8 are replaced.
  public var string: String {
    unsafe withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// The bytes as an array of their own.
  public var bytes: [UInt8] { place.count == block.count ? block : Array(block[place]) }

  /// The bytes where they are.
  public var utf8: ArraySlice<UInt8> { block[place] }

  /// Lends the bytes.
  func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    unsafe block.withUnsafeBytes { unsafe body(UnsafeRawBufferPointer(rebasing: $0[place])) }
  }

  // MARK: Parts

  // By bytes, so only for texts of which it is known where their letters end.
  public func prefix(_ count: Int) -> ByteText { ByteText(block, in: place.prefix(count)) }
  public func suffix(_ count: Int) -> ByteText { ByteText(block, in: place.suffix(count)) }
  public func dropLast() -> ByteText { ByteText(block, in: place.dropLast()) }

  /// Without spaces, tabs and line breaks at the ends.
  public var trimmed: ByteText {
    var place = place
    while let first = place.first, ByteText.isBlank(block[first]) { place.removeFirst() }
    while let last = place.last, ByteText.isBlank(block[last]) { place.removeLast() }
    guard let first = place.first, let last = place.last, block[first] | block[last] >= 0x80 else {
      return ByteText(block, in: place)
    }
    // Not only ASCII has blanks.
    return ByteText(ByteText(block, in: place).string.trimmed)
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || (UInt8(ascii: "\t")...UInt8(ascii: "\r")).contains(byte)
  }

  /// What stands behind so many words and the spaces that follow each.
  func withoutWords(_ count: Int) -> ByteText {
    let start = unsafe withUnsafeBytes { text in
      var place = 0
      for _ in 0..<count {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: text[place...])
        guard let start = rest.baseAddress,
          let space = unsafe memchr(start, CInt(UInt8(ascii: " ")), rest.count)
        else { return text.count }
        unsafe place += UnsafeRawPointer(space) - start
        while place < text.count, unsafe text[place] == UInt8(ascii: " ") { place += 1 }
      }
      return place
    }
    return ByteText(block, in: (place.lowerBound + start)..<place.upperBound)
  }
}

/// Two texts are the same where their letters are, as two `String`s are.
extension ByteText: Equatable {
  public static func == (left: ByteText, right: ByteText) -> Bool {
    if left.utf8.elementsEqual(right.utf8) { return true }
    // Letters of ASCII are written in one way only.
    return left.isASCII && right.isASCII ? false : left.string == right.string
  }

  private var isASCII: Bool { utf8.allSatisfy { $0 < 0x80 } }
}

extension ByteText: CustomStringConvertible, ExpressibleByStringLiteral {
  public var description: String { string }
  public init(stringLiteral text: String) { self.init(text) }
}
