import Inventory
import MetadataService

/// Takes a chunked body apart, a byte at a time (RFC 9112 7.1). Extensions and trailers are
/// skipped, within bounds.
struct ChunkDecoder {
  enum Step: Equatable {
    case more
    case done
    case failed(Refusal)
  }

  private enum State {
    case size(digits: Int)
    case extensions
    case sizeLineFeed
    case data(left: Int)
    case dataReturn
    case dataLineFeed
    /// At the start of a trailer line, or within one.
    case trailer(lineBytes: Int)
    case trailerLineFeed(lineBytes: Int)
  }

  private(set) var body: [UInt8] = []
  private var state = State.size(digits: 0)
  private var size = 0
  /// Bytes of size lines and trailers: a body must not be mostly wrapping.
  private var overhead = 0

  mutating func take(_ byte: UInt8) -> Step {
    if case .data(let left) = state {
      body.append(byte)
      state = left == 1 ? .dataReturn : .data(left: left - 1)
      return .more
    }
    overhead += 1
    guard overhead <= Limits.maximumRequestHeadBytes else { return .failed(.bodyTooLarge) }
    return takeWrapping(byte)
  }

  private mutating func takeWrapping(_ byte: UInt8) -> Step {
    switch state {
    case .size(let digits): return takeSize(byte, digits)
    case .extensions:
      if byte == 0x0D {
        state = .sizeLineFeed
      } else if byte < 0x20 && byte != 0x09 || byte == 0x7F {
        return malformed
      }
    case .sizeLineFeed:
      guard byte == 0x0A else { return malformed }
      state = size == 0 ? .trailer(lineBytes: 0) : .data(left: size)
    case .dataReturn:
      guard byte == 0x0D else { return malformed }
      state = .dataLineFeed
    case .dataLineFeed:
      guard byte == 0x0A else { return malformed }
      state = .size(digits: 0)
      size = 0
    case .trailer(let lineBytes):
      if byte == 0x0D {
        state = .trailerLineFeed(lineBytes: lineBytes)
      } else {
        guard byte >= 0x20 || byte == 0x09 else { return malformed }
        state = .trailer(lineBytes: lineBytes + 1)
      }
    case .trailerLineFeed(let lineBytes):
      guard byte == 0x0A else { return malformed }
      if lineBytes == 0 { return .done }
      state = .trailer(lineBytes: 0)
    case .data: return malformed
    }
    return .more
  }

  private var malformed: Step { .failed(.malformedRequest("the chunked body is malformed")) }

  private mutating func takeSize(_ byte: UInt8, _ digits: Int) -> Step {
    switch byte {
    case 0x30...0x39, 0x41...0x46, 0x61...0x66:
      guard digits < 8 else { return .failed(.bodyTooLarge) }
      let digit = byte < 0x3A ? byte - 0x30 : (byte | 0x20) - 0x61 + 10
      size = size << 4 | Int(digit)
      guard body.count + size <= Limits.maximumRequestBodyBytes else {
        return .failed(.bodyTooLarge)
      }
      state = .size(digits: digits + 1)
    case 0x0D where digits > 0: state = .sizeLineFeed
    case 0x3B where digits > 0, 0x20 where digits > 0, 0x09 where digits > 0: state = .extensions
    default: return malformed
    }
    return .more
  }
}
