import ControlAPI
import HTTPTypes
import Hummingbird
import Inventory
import MetadataService
import ServiceLifecycle

/// Whether a guest would be answered; waits until it would, for whoever starts it.
struct ReadinessHandler: Sendable {
  let service: MetadataService
  let listeners: @Sendable () -> [ListenerState]
  let places: WatchPlaces

  /// Listeners come and go without a word to the catalogue, so that they are looked at again.
  private static let lookAgain = Duration.milliseconds(200)

  /// 200 where it would be answered, else 503 with the same form; 404 where it is not declared.
  func readiness(_ request: ControlRequest) async throws(Problem) -> Response {
    let query = try request.query(allowing: ["wait"])
    let id = try request.instanceID()
    let principal = request.principal
    let longest = Duration.seconds(Limits.maximumReadinessWaitSeconds)
    var wait = Duration.zero
    if let text = query["wait"] {
      guard let duration = DurationText.parse(text), duration <= longest else {
        throw Problem(
          .badRequest,
          "'\(text)' is not a time like 30s, of at most \(Limits.maximumReadinessWaitSeconds)s",
          field: "wait")
      }
      wait = duration
    }
    var readiness = now(id, principal).readiness
    guard readiness?.isReady != true, wait > .zero else {
      return try response(readiness, request)
    }
    guard let place = places.take() else {
      throw Problem(.unavailable, "\(Limits.maximumReadinessWaits) wait already")
    }
    readiness = await look(id, principal, for: wait, reading: request.http.body)
    withExtendedLifetime(place) {}
    let response: Response
    do {
      response = try self.response(readiness, request)
    } catch {
      response = .problem(error)
    }
    return response.endingConnection
  }

  private func response(_ readiness: GuestReadiness?, _ request: ControlRequest) throws(Problem)
    -> Response
  {
    guard let readiness else { throw .missing(try request.resourceID()) }
    return .json(
      ReadinessForm(readiness).form, status: readiness.isReady ? .ok : .serviceUnavailable)
  }

  /// Another project's instance is as one that is not declared.
  private func now(_ id: InstanceID, _ principal: Principal)
    -> (readiness: GuestReadiness?, seenAt: Revision)
  {
    let doors = listeners().filter { $0.problem == nil }.map {
      GuestReadiness.Door(isIPv4: $0.address.isIPv4, network: $0.network)
    }
    let (readiness, seenAt) = service.readiness(of: id, doors: doors)
    let record = service.catalog.read { $0.view(of: id) }?.record
    let isVisible = record.map { principal.sees($0.resource) } ?? false
    return (isVisible ? readiness : nil, seenAt)
  }

  /// Looks until the guest would be answered, time is up, the asker has gone or the server ends.
  private func look(
    _ id: InstanceID, _ principal: Principal, for wait: Duration, reading body: RequestBody
  ) async -> GuestReadiness? {
    let (stopped, stop) = AsyncStream.makeStream(of: Never.self)
    let looking: @Sendable () async -> GuestReadiness? = {
      await withGracefulShutdownHandler {
        await look(id, principal, until: .now + wait, unless: stopped)
      } onGracefulShutdown: {
        stop.finish()
      }
    }
    do {
      return try await body.consumeWithInboundCloseHandler { _ in
        await looking()
      } onInboundClosed: {
        stop.finish()
      }
    } catch {
      // The body could not be read: the asker is gone.
      return now(id, principal).readiness
    }
  }

  private func look(
    _ id: InstanceID, _ principal: Principal, until end: ContinuousClock.Instant,
    unless stopped: AsyncStream<Never>
  ) async -> GuestReadiness? {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        while !Task.isCancelled, now(id, principal).readiness?.isReady != true, .now < end {
          await change(after: now(id, principal).seenAt, or: min(Self.lookAgain, end - .now))
        }
      }
      group.addTask { for await _ in stopped {} }
      await group.next()
      group.cancelAll()
    }
    return now(id, principal).readiness
  }

  /// Returns when the catalogue has changed, or after a time.
  private func change(after revision: Revision, or time: Duration) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [service] in _ = await service.catalog.wait(for: revision + 1) }
      group.addTask { try? await Task.sleep(for: time) }
      await group.next()
      group.cancelAll()
    }
  }
}
