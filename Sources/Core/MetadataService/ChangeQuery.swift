import Crypto
import Inventory

/// What a guest asks for that wants to hear of a change without asking over and over: the words of
/// Google's service, `?wait_for_change=true&last_etag=TAG&timeout_sec=SECONDS`, on any document.
struct ChangeQuery: Sendable, Hashable {
  /// The tag of the answer that the guest has; nil where it has none, and is answered at once.
  private(set) var tag: String?
  /// How long it will wait.
  private(set) var seconds = Limits.maximumChangeWaitSeconds

  /// Nil where no change is to be waited for. What cannot be read is passed over: the guest is
  /// answered at once then, which is never wrong.
  init?(target: [UInt8]) {
    guard let mark = target.firstIndex(of: UInt8(ascii: "?")) else { return nil }
    var isWanted = false
    var rest = target[(mark + 1)...]
    while !rest.isEmpty {
      let field = rest.prefix { $0 != UInt8(ascii: "&") }
      rest = rest[field.endIndex...].dropFirst()
      guard let sign = field.firstIndex(of: UInt8(ascii: "=")),
        let name = Name(field[..<sign]),
        let value = String(validating: field[(sign + 1)...], as: UTF8.self)
      else { continue }
      switch name {
      case .isWanted: isWanted = value.lowercased() == "true"
      case .tag: tag = value
      case .seconds:
        seconds = Int(value).map { min(max($0, 0), Limits.maximumChangeWaitSeconds) } ?? seconds
      }
    }
    guard isWanted else { return nil }
  }

  /// The fields that mean something.
  private enum Name {
    case isWanted, tag, seconds

    /// Compared as bytes: a query has room for a thousand fields, and nobody has paid for it yet.
    init?(_ name: ArraySlice<UInt8>) {
      if name.elementsEqual("wait_for_change".utf8) {
        self = .isWanted
      } else if name.elementsEqual("last_etag".utf8) {
        self = .tag
      } else if name.elementsEqual("timeout_sec".utf8) {
        self = .seconds
      } else {
        return nil
      }
    }
  }

  /// What stands for a document's bytes.
  static func tag(of bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    // 64 bits tell an instance's own states apart; nobody gains by making two that are alike.
    return String(
      SHA256.hash(data: bytes).prefix(8).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}

/// Counts the guests that wait for a change.
struct ChangeLedger {
  private var total = 0
  private var byInstance: [InstanceID: Int] = [:]

  /// Whether one more request of this instance may wait.
  mutating func take(_ id: InstanceID) -> Bool {
    let own = byInstance[id, default: 0]
    guard total < Limits.maximumChangeWaits, own < Limits.maximumChangeWaitsPerInstance else {
      return false
    }
    total += 1
    byInstance[id] = own + 1
    return true
  }

  mutating func release(_ id: InstanceID) {
    guard let own = byInstance[id] else { return }
    total -= 1
    byInstance[id] = own == 1 ? nil : own - 1
  }
}
