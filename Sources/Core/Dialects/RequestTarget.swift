import Inventory

/// The path of a request, normalised once, before anything is decided by it.
///
/// Runs of `/` collapse, the path is percent-decoded once, `.` and `..` resolve and never rise
/// above the root, a trailing `/` changes nothing, query and fragment are ignored, case counts
/// (measured on Nova 34; see its recorded answers under Tests).
public struct RequestTarget: Hashable, Sendable, CustomStringConvertible {
  /// The path's segments; none for the root.
  public let segments: [String]

  public init(segments: [String]) { self.segments = segments }

  /// What makes a request target unreadable, in words for the guest.
  public enum Malformed: Error, Sendable, Hashable {
    /// It starts neither with `/` nor with `http://`.
    case notAPath
    /// A `%` is not followed by two hexadecimal digits.
    case percentEncoding
    case notUTF8
    case nul
  }

  /// Reads a request line's target: a path, or an absolute `http://` URI.
  public init(parsing bytes: [UInt8]) throws(Malformed) {
    var path = bytes
    if path.first != UInt8(ascii: "/") {
      path = try RequestTarget.pathOfAbsoluteURI(path)
    }
    if let end = path.firstIndex(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) {
      path.removeSubrange(end...)
    }
    if path.contains(UInt8(ascii: "%")) { path = try RequestTarget.percentDecoded(path) }
    guard !path.contains(0) else { throw .nul }
    segments = try RequestTarget.segments(of: path)
  }

  private static func segments(of path: [UInt8]) throws(Malformed) -> [String] {
    var segments: [String] = []
    segments.reserveCapacity(8)
    var start = 0
    while start < path.count {
      let end = path[start...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
      defer { start = end + 1 }
      guard end > start else { continue }
      guard let text = path.span.extracting(start..<end).validText else { throw .notUTF8 }
      switch text {
      case ".": break
      case "..": _ = segments.popLast()
      default: segments.append(text)
      }
    }
    return segments
  }

  public var description: String { "/" + segments.joined(separator: "/") }

  private static func pathOfAbsoluteURI(_ bytes: [UInt8]) throws(Malformed) -> [UInt8] {
    let scheme = Array("http://".utf8)
    let start = bytes.prefix(scheme.count).map { $0 | 0x20 }
    guard start.elementsEqual(scheme.map { $0 | 0x20 }) else { throw .notAPath }
    let rest = bytes.dropFirst(scheme.count)
    return Array(rest.drop { ![UInt8(ascii: "/"), UInt8(ascii: "?")].contains($0) })
  }

  private static func percentDecoded(_ bytes: [UInt8]) throws(Malformed) -> [UInt8] {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "%") else {
        decoded.append(bytes[index])
        index += 1
        continue
      }
      guard index + 2 < bytes.count, let high = bytes[index + 1].hexDigit,
        let low = bytes[index + 2].hexDigit
      else { throw .percentEncoding }
      decoded.append(high << 4 | low)
      index += 3
    }
    return decoded
  }
}

extension Span<UInt8> {
  /// The bytes as text; nil where they are not UTF-8.
  fileprivate var validText: String? {
    do {
      return String(copying: try UTF8Span(validating: self))
    } catch {
      return nil
    }
  }
}
