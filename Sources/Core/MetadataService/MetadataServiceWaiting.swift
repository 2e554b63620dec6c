import Dialects
import Inventory
import Synchronization

/// What cannot be answered at once, and what is refused.
extension MetadataService {
  // MARK: Waiting

  func finishUnknown(_ pending: Pending, _ told: Refusal?) async -> GuestAnswer {
    let request = pending.request
    defer { held.withLock { $0.release(request.origin) } }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [catalog] in
        _ = await catalog.wait(for: request.source, on: request.network)
      }
      group.addTask { [environment, unknownHold] in
        try? await environment.sleep(unknownHold + MetadataService.writingTime)
      }
      await group.next()
      group.cancelAll()
    }
    switch catalog.read({ $0.match(request.source, on: request.network) }) {
    case .instance(let view):
      return await finish(answer(request, pending.target, as: view))
    case .ambiguous(let networks): return refuse(request, .ambiguousAddress(networks), nil)
    case .unknown: return refuseUnknown(request, told)
    }
  }

  func render(_ request: GuestRequest, _ target: RequestTarget, as view: InstanceView)
    async -> GuestAnswer
  {
    let id = view.instance.id
    if let failed = await vendorData?.gather(for: view) {
      return refuse(request, .vendorDataFailed(target: failed), id)
    }
    let input = input(view, source: request.source, needs: .dynamicVendorData)
    guard let node = DialectTable.dialect(for: target)?.node(at: target, for: input) else {
      return refuse(request, .notFound, id)
    }
    switch decide(request, target, as: view, node) {
    case .answer(let answer): return answer
    case .wait: return refuse(request, .notFound, id)
    }
  }

  func store(password request: GuestRequest, of view: InstanceView) async -> GuestAnswer {
    let id = view.instance.id
    do {
      let guest = Author(.guest, id.description, peer: request.source.description)
      let result = try await store.commit(
        [.setPassword(id, Secret(request.body))], by: WriteContext(guest, "postPassword"),
        now: environment.now(), dryRun: false)
      await catalog.wait(for: result.revision)
      return MetadataService.stored(id)
    } catch .passwordAlreadySet {
      return refuse(request, .passwordAlreadySet, id)
    } catch .notFound {
      return refuse(request, .unknownAddress, nil)
    } catch {
      return refuse(request, .storeUnavailable(error.description), id)
    }
  }

  static func stored(_ id: InstanceID) -> GuestAnswer {
    GuestAnswer(contentType: Document.ContentType.plainText.rawValue, body: [], instance: id)
  }

  /// A record that is sent within the hold is in time, so that the hold is longer by what it takes to
  /// write one down.
  static let writingTime = Duration.milliseconds(Limits.recordWritingMilliseconds)

  // MARK: Refusing

  func answer(_ probe: Probe, _ request: GuestRequest) -> GuestAnswer {
    probes.note(
      Probe.Sighting(nonce: probe.nonce, source: request.source, network: request.network))
    counters.noteProbe()
    return probe.answer(to: request.source)
  }

  /// Says at once, not after the hold, that a request comes from an address that can be no guest's.
  /// The request is held all the same: the record that says otherwise may be on its way.
  func tellOfTranslation(_ request: GuestRequest) -> Refusal? {
    let known = catalog.read { $0.role(of: request.source, on: request.network) }
    let role = known ?? environment.hostRole(request.source)
    strangers.note(request, role: role, now: environment.now())
    guard let role else { return nil }
    let refusal = Refusal.translatedAddress(request.source, role)
    _ = refuse(request, refusal, nil)
    return refusal
  }

  /// - Parameter told: The refusal that has been counted and logged already.
  func refuseUnknown(_ request: GuestRequest, _ told: Refusal?) -> GuestAnswer {
    guard let told else { return refuse(request, .unknownAddress, nil) }
    return GuestAnswer(refusal: told)
  }

  /// Notes what would be refused if its rule were enforced.
  func audit(_ request: GuestRequest, _ refusal: Refusal) {
    counters.note(audited: refusal)
    environment.audited(request, refusal)
  }

  func refuse(_ request: GuestRequest, _ refusal: Refusal, _ id: InstanceID?)
    -> GuestAnswer
  {
    let answer = GuestAnswer(refusal: refusal, instance: id)
    counters.note(refusal)
    environment.refused(request, answer)
    return answer
  }
}
