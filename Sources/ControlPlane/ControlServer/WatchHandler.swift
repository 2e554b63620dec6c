import ControlAPI
import HTTPTypes
import Hummingbird
import Inventory
import MetadataService
import NIOCore
import ServiceLifecycle
import Synchronization

/// Changes as they happen, as server-sent events.
struct WatchHandler: Sendable {
  let service: MetadataService
  let store: any InventoryStore
  let book: AccessBook
  let places: WatchPlaces

  func watch(_ request: ControlRequest) async throws(Problem) -> Response {
    let query = try request.query(allowing: ["since", "kind"])
    let kind = try query["kind"].map { (text) throws(Problem) -> ResourceKind in
      guard let kind = ResourceKind(collection: text) else {
        throw Problem(
          .badRequest, "'\(text)' is not projects, networks, keypairs or instances", field: "kind")
      }
      return kind
    }
    let reached = service.catalog.read(\.revision)
    let since = try start(request, query) ?? reached
    guard since <= reached else {
      throw Problem(
        .compacted,
        "revision \(since) is not reached yet: the store is another or was restored; "
          + "read everything anew", revision: reached)
    }
    guard let place = places.take() else {
      throw Problem(.unavailable, "there are \(Limits.maximumWatchers) watchers already")
    }
    let batches: AsyncStream<ChangeBatch>
    do {
      batches = try await store.changes(after: since)
    } catch {
      throw Problem(error)
    }
    let stream = WatchStream(
      batches: batches, catalog: service.catalog, kind: kind, principal: request.principal,
      access: request.access, book: book, place: place)
    let body = request.http.body
    return Response(
      status: .ok,
      headers: [.contentType: MediaType.eventStream.rawValue, .cacheControl: "no-store"],
      body: ResponseBody { writer in
        try await stream.write(to: &writer, reading: body, since: since)
        try await writer.finish(nil)
      }
    ).endingConnection
  }

  private func start(_ request: ControlRequest, _ query: [String: String]) throws(Problem)
    -> Revision?
  {
    let name = HTTPField.Name("Last-Event-ID")
    guard let text = name.flatMap({ request.http.headers[$0] }) ?? query["since"] else {
      return nil
    }
    guard let revision = Revision(text) else {
      throw Problem(.badRequest, "'\(text)' is not a revision", field: "since")
    }
    return revision
  }
}

/// Counts the watchers, so that there are never too many.
final class WatchPlaces: Sendable {
  private let taken = Mutex(0)
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// A place, as long as it is held; nil where all are taken.
  func take() -> Place? {
    let isFree = taken.withLock { taken in
      guard taken < limit else { return false }
      taken += 1
      return true
    }
    return isFree ? Place(places: self) : nil
  }

  fileprivate func giveBack() { taken.withLock { $0 -= 1 } }

  /// One watcher's place; it is free again once nobody holds this.
  final class Place: Sendable {
    private let places: WatchPlaces
    init(places: WatchPlaces) { self.places = places }
    deinit { places.giveBack() }
  }
}

/// One watcher's stream. The store's changes are taken at once into a backlog of bounded length;
/// a watcher that cannot keep up with it is told so and starts again from its last event.
struct WatchStream: Sendable {
  let batches: AsyncStream<ChangeBatch>
  let catalog: LiveCatalog
  let kind: ResourceKind?
  let principal: Principal
  let access: AccessEntry?
  let book: AccessBook
  let place: WatchPlaces.Place

  private enum Signal: Sendable {
    case batch(ChangeBatch)
    case heartbeat
  }

  /// Why a stream ends.
  private final class End: Sendable {
    private let state = Mutex<(isEnded: Bool, reason: Problem?)>((false, nil))
    var isEnded: Bool { state.withLock { $0.isEnded } }
    var reason: Problem? { state.withLock { $0.reason } }
    func end() { state.withLock { $0.isEnded = true } }
    func tell(_ reason: Problem) { state.withLock { $0.reason = $0.reason ?? reason } }
  }

  @concurrent
  func write(
    to writer: inout any ResponseBodyWriter, reading body: RequestBody, since: Revision
  ) async throws {
    let end = End()
    let (signals, backlog) = AsyncStream.makeStream(
      of: Signal.self, bufferingPolicy: .bufferingOldest(Limits.maximumWatchBacklog))
    let stop: @Sendable () -> Void = {
      end.end()
      backlog.finish()
    }
    try await writer.write(ByteBuffer(string: ": watching from \(since)\n\n"))
    try await body.consumeWithInboundCloseHandler { _ in
      try await withGracefulShutdownHandler {
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { await fill(backlog, end) }
          group.addTask { await WatchStream.beat(backlog) }
          if let access {
            group.addTask {
              await book.untilEnded(access)
              guard !Task.isCancelled else { return }
              end.tell(Problem(.unauthorized, "the access was revoked or has ended"))
              stop()
            }
          }
          for await signal in signals where !end.isEnded {
            try await write(signal, to: &writer)
          }
          group.cancelAll()
        }
      } onGracefulShutdown: {
        stop()
      }
    } onInboundClosed: {
      stop()
    }
    if let problem = end.reason {
      try await writer.write(ByteBuffer(string: EventStream.text(ending: problem)))
    }
  }

  @concurrent
  private func write(_ signal: Signal, to writer: inout any ResponseBodyWriter) async throws {
    guard case .batch(let batch) = signal else {
      return try await writer.write(ByteBuffer(string: EventStream.heartbeat))
    }
    let events = batch.changes.filter(isVisible).map(WatchEvent.init)
      .filter { kind == nil || $0.kind == kind }
    var text = events.isEmpty ? EventStream.text(reached: batch.revision) : ""
    for (index, event) in events.enumerated() {
      text += EventStream.text(
        event, id: index == events.count - 1 ? batch.revision : nil, for: principal)
    }
    try await writer.write(ByteBuffer(string: text))
  }

  private func isVisible(_ change: Change) -> Bool {
    guard let project = principal.project else { return true }
    switch change {
    case .put(let record): return principal.sees(record.resource)
    case .deleted(let id, let owner):
      return owner == project || (id.kind == .network && owner == nil)
    case .password(let id, _):
      return catalog.read { $0.view(of: id) }?.instance.project?.string == project
    }
  }

  /// Takes changes from the store once this daemon's guests can see them.
  private func fill(_ backlog: AsyncStream<Signal>.Continuation, _ end: End) async {
    for await batch in batches {
      guard await catalog.wait(for: batch.revision) else { break }
      if case .dropped = backlog.yield(.batch(batch)) {
        end.tell(Problem(.unavailable, "the watcher fell behind; go on from the last event"))
        break
      }
    }
    backlog.finish()
  }

  private static func beat(_ backlog: AsyncStream<Signal>.Continuation) async {
    while true {
      do {
        try await Task.sleep(for: .milliseconds(Limits.watchHeartbeatMilliseconds))
      } catch {
        return
      }
      backlog.yield(.heartbeat)
    }
  }
}
