import Dialects
import Inventory
import Synchronization

/// Answers that wait until they differ from what the guest has.
extension MetadataService {
  /// What stands for the document at a path, whatever is random in it; nil where there is none, and
  /// where the document follows from more than the catalogue.
  func tag(of destination: Destination, as view: InstanceView, source: IPAddress, now: Int)
    -> String?
  {
    guard let place = destination.place, !place.needs.contains(.dynamicVendorData),
      let node = place.node(input(view, source: source, now: now, needs: []))
    else { return nil }
    return ChangeQuery.tag(of: node.document.bytes)
  }

  /// The wait for another answer than one with a tag; nil where the guest is to have that one. Where as
  /// many wait as may, it is answered at once, and may ask again when it likes.
  func hold(_ request: GuestRequest, _ destination: Destination, _ id: InstanceID, tag: String?)
    -> Pending?
  {
    guard let tag, let change = destination.change, change.tag == tag, change.seconds > 0,
      changes.withLock({ $0.take(id) })
    else { return nil }
    var request = request
    // Whoever has the address afterwards does not get the answer.
    request.caller = id
    return Pending(request: request, destination: destination, reason: .change(id, change))
  }

  func finishChange(_ pending: Pending, _ id: InstanceID, _ change: ChangeQuery) async
    -> GuestAnswer
  {
    defer { changes.withLock { $0.release(id) } }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.waitForChange(pending, id, change) }
      group.addTask { try? await self.environment.sleep(.seconds(change.seconds)) }
      await group.next()
      group.cancelAll()
    }
    let request = pending.request
    switch await identify(request) {
    case .success(.instance(let view)):
      // Admitted anew: the token may have run out, the options may be others.
      return await finish(
        answer(request, pending.destination, as: view, now: environment.now(), mayHold: false))
    case .success(.ambiguous(let networks)):
      return refuse(request, .ambiguousAddress(networks), nil)
    case .success(.unknown): return refuse(request, .unknownAddress, nil)
    case .failure(let error): return refuse(request, .storeUnavailable(error.description), nil)
    }
  }

  private func waitForChange(_ pending: Pending, _ id: InstanceID, _ change: ChangeQuery) async {
    let request = pending.request
    func same() -> InstanceView? {
      guard case .instance(let view) = catalog.find(request.source, on: request.network),
        view.id == id,
        tag(
          of: pending.destination, as: view, source: request.source, now: environment.now())
          == change.tag
      else { return nil }
      return view
    }
    while !Task.isCancelled {
      guard let view = same(),
        await catalog.waitForChange(of: view, at: request.source, on: request.network),
        same() != nil
      else { return }
      // The change is perhaps of another document. Many may follow one another, and each would be
      // looked at for each guest that waits.
      try? await environment.sleep(MetadataService.changePause)
    }
  }

  private static let changePause = Duration.milliseconds(Limits.changePauseMilliseconds)

  /// Has all that wait for a change answered as it is now, and none wait any more: the service ends.
  public func endChangeWaits() { catalog.endChangeWaits() }
}
