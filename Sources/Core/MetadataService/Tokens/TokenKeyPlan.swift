import Inventory

/// What follows from the keys that there are: which one seals, which ones go, and whether a new one
/// is due. Every daemon on a store comes to the same plan.
struct TokenKeyPlan {
  /// A new key is made so long after the last: no token lives longer than this.
  static let rotationSeconds = Limits.maximumTokenTTLSeconds
  /// How often the store is read.
  static let readSeconds = 60
  /// By then every daemon has read a new key, so tokens may be sealed with it.
  static let settlingSeconds = 2 * readSeconds + 30
  /// By so much may clocks differ, or one be set back, without a token being refused.
  static let clockToleranceSeconds = 300

  private(set) var sealing: TokenKey?
  private(set) var isNewKeyDue: Bool
  private(set) var expired: [TokenKey]

  init(_ keys: [TokenKey], now: Int) {
    // A key from the future was made by a clock that was wrong. It counts as the oldest, or nothing
    // would follow it until then.
    let isFromFuture = { (key: TokenKey) in
      key.createdAtSeconds > now + TokenKeyPlan.clockToleranceSeconds
    }
    let fromFuture = keys.filter(isFromFuture).sorted(by: TokenKeyPlan.comesBefore)
    let regular = keys.filter { !isFromFuture($0) }.sorted(by: TokenKeyPlan.comesBefore)
    let settled = regular.last { now - $0.createdAtSeconds >= TokenKeyPlan.settlingSeconds }
    sealing = settled ?? fromFuture.first ?? regular.first
    isNewKeyDue =
      regular.last.map { now - $0.createdAtSeconds >= TokenKeyPlan.rotationSeconds } ?? true

    // A key seals until the next one has settled; its last token lives on from there.
    let isOver = { (next: TokenKey) in
      now - next.createdAtSeconds
        > TokenKeyPlan.settlingSeconds + Limits.maximumTokenTTLSeconds
        + TokenKeyPlan.clockToleranceSeconds
    }
    expired = zip(regular, regular.dropFirst()).filter { isOver($1) }.map { $0.0 }
    if let first = regular.first, isOver(first) { expired += fromFuture }
  }

  private static func comesBefore(_ left: TokenKey, _ right: TokenKey) -> Bool {
    (left.createdAtSeconds, left.id) < (right.createdAtSeconds, right.id)
  }
}
