import Glibc
import MetadataService
import NIOCore

/// What all connections share.
struct SharedResources: Sendable {
  let service: MetadataService
  let pending: PendingAnswers
  let ledger: ConnectionLedger
  let notes: RefusalNotes
  let timeouts: Timeouts
}

/// What the connections of one event loop share; it stays on that loop.
final class LoopResources {
  let shared: SharedResources
  private var date = HTTPDate(secondsSince1970: 0)
  private var spare = ByteBuffer()

  /// A buffer that grew beyond this for a large answer is not kept.
  static let maximumSpareBytes = 64 * 1024

  init(shared: SharedResources) {
    self.shared = shared
  }

  /// The Date field's value.
  func dateText() -> [UInt8] {
    date.update(secondsSince1970: time(nil))
    return date.text
  }

  /// An empty buffer to write answers into. One buffer serves a loop's connections in turn.
  func takeBuffer() -> ByteBuffer {
    var buffer = ByteBuffer()
    swap(&buffer, &spare)
    buffer.clear()
    return buffer
  }

  /// Takes back a buffer that has been handed to a channel. Where the channel still holds its
  /// bytes, clearing it makes it let go of them.
  func giveBack(_ buffer: consuming ByteBuffer) {
    if buffer.capacity <= LoopResources.maximumSpareBytes { spare = buffer }
  }
}
