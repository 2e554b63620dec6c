public import Inventory
import Synchronization

/// Asks a vendor data target over the network. Implementations bound time and size and follow no
/// redirect.
public protocol VendorDataFetching: Sendable {
  /// POSTs `request` to the target; nil where it failed in any way, which is logged there.
  func fetch(_ target: VendorDataTarget, request: JSONValue) async -> JSONValue?
}

/// One of `vendordata_dynamic_targets`: `name@url`.
public struct VendorDataTarget: Sendable, Hashable {
  public let name: String
  /// May carry userinfo, which is a secret.
  public let url: String

  public init(name: String, url: String) {
    self.name = name
    self.url = url
  }
}

/// The answers of the dynamic vendor data targets, kept for each instance.
///
/// Nova asks each target one after another at every request. Here all are asked at once, answers
/// are kept for a time, and an old answer is served while a new one is fetched.
public final class DynamicVendorData: Sendable {
  public typealias Answers = [(name: String, answer: JSONValue)]

  private struct Entry {
    var revision: Revision
    var answers: Answers
    var failed: String?
    var fetchedAt: Int
  }

  private struct State {
    var entries: [InstanceID: Entry] = [:]
    var waiters: [InstanceID: [CheckedContinuation<Void, Never>]] = [:]
  }

  private let targets: [VendorDataTarget]
  private let fetcher: any VendorDataFetching
  private let keptSeconds: Int
  private let failureIsFatal: Bool
  private let now: @Sendable () -> Int
  private let state = Mutex(State())
  private let jobs: AsyncStream<InstanceView>
  private let queue: AsyncStream<InstanceView>.Continuation

  /// - Parameters:
  ///   - keptSeconds: How long an answer is fresh.
  ///   - failureIsFatal: Nova's `vendordata_dynamic_failure_fatal`: a failed target makes the
  ///     document a 500 instead of `{}`.
  ///   - now: Seconds of any clock that does not go back.
  public init(
    targets: [VendorDataTarget], fetcher: any VendorDataFetching, keptSeconds: Int = 60,
    failureIsFatal: Bool = false, now: @escaping @Sendable () -> Int
  ) {
    var names: Set<String> = ["static"]
    self.targets = targets.filter { names.insert($0.name).inserted }
    self.fetcher = fetcher
    self.keptSeconds = keptSeconds
    self.failureIsFatal = failureIsFatal
    self.now = now
    (jobs, queue) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingOldest(Limits.maximumPendingRequests))
  }

  /// Fetches what is asked for until the task is cancelled.
  public func run() async {
    await withDiscardingTaskGroup { group in
      let slots = AsyncStream<Void>.makeStream()
      for _ in 0..<max(1, Limits.maximumDynamicVendorDataCalls / max(1, targets.count)) {
        slots.continuation.yield()
      }
      var free = slots.stream.makeAsyncIterator()
      for await view in jobs {
        _ = await free.next()
        group.addTask {
          await self.refresh(view)
          slots.continuation.yield()
        }
      }
    }
  }

  /// Whether the document can be rendered at once: nothing is asked, or an answer is kept. An old
  /// answer counts, and has a new one fetched.
  func isReady(for view: InstanceView) -> Bool {
    guard !targets.isEmpty else { return true }
    let (ready, stale) = state.withLock { state -> (Bool, Bool) in
      guard let entry = state.entries[view.instance.id], entry.failed == nil else {
        return (false, false)
      }
      let stale = entry.revision != view.revision || now() - entry.fetchedAt >= keptSeconds
      let start = stale && state.waiters[view.instance.id] == nil
      if start { state.waiters[view.instance.id] = [] }
      return (true, start)
    }
    if stale { enqueue(view) }
    return ready
  }

  func answers(for view: InstanceView) -> Answers {
    state.withLock { $0.entries[view.instance.id]?.answers ?? [] }
  }

  /// Waits for a first answer.
  /// - Returns: The name of a target whose failure is fatal, or nil.
  func gather(for view: InstanceView) async -> String? {
    guard !targets.isEmpty else { return nil }
    let id = view.instance.id
    await withCheckedContinuation { continuation in
      let start = state.withLock { state in
        let start = state.waiters[id] == nil
        state.waiters[id, default: []].append(continuation)
        return start
      }
      if start { enqueue(view) }
    }
    return state.withLock { $0.entries[id]?.failed }
  }

  private func enqueue(_ view: InstanceView) {
    if case .dropped = queue.yield(view) { release(view.instance.id) }
  }

  private func release(_ id: InstanceID) {
    let waiting = state.withLock { $0.waiters.removeValue(forKey: id) ?? [] }
    for continuation in waiting { continuation.resume() }
  }

  private func refresh(_ view: InstanceView) async {
    let request = DynamicVendorData.request(for: view.instance)
    let answers = await withTaskGroup(of: (Int, JSONValue?).self) { group in
      for (index, target) in targets.enumerated() {
        group.addTask { [fetcher] in (index, await fetcher.fetch(target, request: request)) }
      }
      var answers = [JSONValue?](repeating: nil, count: targets.count)
      for await (index, answer) in group { answers[index] = answer }
      return answers
    }
    let failed = answers.firstIndex { $0 == nil }.map { targets[$0].name }
    let entry = Entry(
      revision: view.revision,
      answers: zip(targets, answers).map { (name: $0.name, answer: $1 ?? [:]) },
      failed: failureIsFatal ? failed : nil, fetchedAt: now())
    state.withLock { state in
      if state.entries.count >= Limits.maximumDynamicVendorDataEntries,
        let oldest = state.entries.min(by: { $0.value.fetchedAt < $1.value.fetchedAt })?.key
      {
        state.entries[oldest] = nil
      }
      state.entries[view.instance.id] = entry
    }
    release(view.instance.id)
  }

  /// What Nova 34 sends to a target (recorded).
  static func request(for instance: PackedInstance) -> JSONValue {
    [
      "project-id": JSONValue(instance.project),
      "instance-id": .string(instance.id.description),
      "image-id": JSONValue(instance.imageID),
      "user-data": JSONValue(instance.userData.map { Base64.encode($0.revealed) }),
      "hostname": JSONValue(instance.hostname),
      "metadata": JSONValue(members: instance.metadata),
      "boot-roles": .string(ByteText(joining: instance.bootRoles, by: ",").string),
    ]
  }
}
