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
    switch await identify(request) {
    case .success(.instance(let view)):
      return await finish(
        answer(
          request, pending.destination, as: view, now: environment.now(),
          mayHold: catalog.isLoaded))
    case .success(.ambiguous(let networks)):
      return refuse(request, .ambiguousAddress(networks), nil)
    case .success(.unknown): return refuseUnknown(request, told)
    case .failure(let error): return refuse(request, .storeUnavailable(error.description), nil)
    }
  }

  /// Answers a guest that asks before the catalogue is whole. Nobody waits for it to be whole who is
  /// declared, and nobody is refused because it is not.
  func finishUnread(_ pending: Pending) async -> GuestAnswer {
    let request = pending.request
    guard !catalog.isLoaded else { return await finish(answer(request)) }
    switch await identify(request) {
    case .success(.instance(let view)):
      return await finish(
        answer(request, pending.destination, as: view, now: environment.now(), mayHold: false))
    case .success(.ambiguous(let networks)):
      return refuse(request, .ambiguousAddress(networks), nil)
    case .success(.unknown):
      let told = tellOfTranslation(request, knownAs: nil)
      guard unknownHold > .zero, held.withLock({ $0.take(request.origin) }) else {
        return refuseUnknown(request, told)
      }
      return await finishUnknown(pending, told)
    case .failure(let error): return refuse(request, .storeUnavailable(error.description), nil)
    }
  }

  /// Who asks, as the catalogue has it; until that is whole, as the store has it.
  func identify(_ request: GuestRequest) async -> Result<Catalog.Finding, StoreError> {
    if let finding = catalog.find(request.source, on: request.network) {
      return .success(finding)
    }
    do {
      let excerpt = try await store.excerpt(for: request.source, on: request.network)
      return .success(catalog.catalog(of: excerpt).find(request.source, on: request.network))
    } catch {
      return .failure(error)
    }
  }

  /// An instance with all that it refers to; nil where it is not declared.
  func view(of id: InstanceID) -> InstanceView? {
    catalog.read { $0.view(of: id) }
  }

  func render(_ request: GuestRequest, _ destination: Destination, as view: InstanceView)
    async -> GuestAnswer
  {
    let id = view.instance.id
    if let failed = await vendorData?.gather(for: view) {
      return refuse(request, .vendorDataFailed(target: failed), id)
    }
    let input = input(
      view, source: request.source, now: environment.now(), needs: .dynamicVendorData)
    do {
      guard let node = destination.place?.node(input),
        case .answer(let answer) = try decide(request, destination, as: view, node)
      else { return refuse(request, .notFound, id) }
      return answer
    } catch {
      return refuse(request, error, id)
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

  static func stored(_ id: InstanceID, _ dialect: DialectName? = nil) -> GuestAnswer {
    GuestAnswer(contentType: .plainText, body: [], instance: id, dialect: dialect)
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
  /// - Parameter known: What the address is known as by the records.
  func tellOfTranslation(_ request: GuestRequest, knownAs known: AddressRole?) -> Refusal? {
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

  func refuse(
    _ request: GuestRequest, _ refusal: Refusal, _ id: InstanceID?, _ dialect: DialectName? = nil
  ) -> GuestAnswer {
    let answer = GuestAnswer(refusal: refusal, instance: id, dialect: dialect)
    counters.note(refusal)
    environment.refused(request, answer)
    return answer
  }
}
