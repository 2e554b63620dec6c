import ControlAPI
import Crypto
import Inventory
import Synchronization

/// Who has access, in memory: what each request is compared with. It follows every change at once,
/// so that what is revoked ends with the answer to the one who revoked it.
final class AccessBook: Sendable {
  private struct State {
    var entries: [AccessEntry] = []
    /// The reading of the store that `entries` is from; a slower one that began before is dropped.
    var reading: UInt64 = 0
    var nextReading: UInt64 = 0
    var lastUsedSeconds: [String: Int] = [:]
    var watchers: [UInt64: (entry: AccessEntry, end: AsyncStream<Never>.Continuation)] = [:]
    var nextWatcher: UInt64 = 0
  }

  private let state = Mutex(State())
  private let store: any AccessStore
  private let now: @Sendable () -> Int

  init(store: any AccessStore, now: @escaping @Sendable () -> Int) {
    self.store = store
    self.now = now
  }

  /// Reads the store anew.
  func load() async throws(StoreError) {
    let reading = state.withLock { state in
      state.nextReading += 1
      return state.nextReading
    }
    let entries = try await store.access()
    let ended = state.withLock { state -> [AsyncStream<Never>.Continuation] in
      guard reading > state.reading else { return [] }
      state.reading = reading
      state.entries = entries
      return state.watchers.values.filter { !entries.contains($0.entry) }.map(\.end)
    }
    for end in ended { end.finish() }
  }

  /// All entries, and when each was used last since the start.
  var all: [(entry: AccessEntry, lastUsedSeconds: Int?)] {
    state.withLock { state in state.entries.map { ($0, state.lastUsedSeconds[$0.name]) } }
  }

  // MARK: Finding

  /// Whose a token is; nil where it is nobody's or has ended.
  func holder(ofToken token: String) -> AccessEntry? {
    let hash = AccessBook.hash(token)
    return find { entry in
      guard case .token(let known) = entry.proof else { return false }
      return AccessBook.isEqual(known, hash)
    }
  }

  /// Whose a certificate with these names is; nil where it is nobody's, or not one's alone.
  func holder(ofCertificate names: [String]) -> AccessEntry? {
    find { entry in
      guard case .certificate(let subject) = entry.proof else { return false }
      return names.contains(subject)
    }
  }

  /// Looks at every entry whichever matches, so that time tells nothing.
  private func find(_ matches: (AccessEntry) -> Bool) -> AccessEntry? {
    let now = now()
    return state.withLock { state in
      var found: [AccessEntry] = []
      for entry in state.entries where matches(entry) { found.append(entry) }
      guard found.count == 1, let entry = found.first, !entry.isExpired(now: now) else {
        return nil
      }
      state.lastUsedSeconds[entry.name] = now
      return entry
    }
  }

  static func hash(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Array(token.utf8))) }

  /// Compares all bytes, wherever they differ.
  static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  // MARK: Ending

  /// Returns once an access has been revoked, changed or has ended.
  func untilEnded(_ entry: AccessEntry) async {
    let (stream, end) = AsyncStream<Never>.makeStream()
    let watcher = state.withLock { state -> UInt64? in
      guard state.entries.contains(entry) else { return nil }
      state.nextWatcher += 1
      state.watchers[state.nextWatcher] = (entry, end)
      return state.nextWatcher
    }
    guard let watcher else { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in stream {} }
      if let expiry = entry.expiresAtSeconds {
        group.addTask { [now] in
          // A minute at a time: the clock may be set meanwhile.
          while !Task.isCancelled, case let left = expiry - now(), left > 0 {
            try? await Task.sleep(for: .seconds(min(left, 60)))
          }
        }
      }
      await group.next()
      group.cancelAll()
    }
    state.withLock { $0.watchers[watcher] = nil }
  }
}
