/// Makes, checks and takes away a local redirect.
struct LocalInstaller {
  let local: LocalRedirect
  let tools: HostTools

  /// How long a route that comes with an IPv6 address is waited for; the kernel's queue makes it.
  static let routePatience = (tries: 100, pause: Duration.milliseconds(10))

  func check() async throws(RedirectError) -> (finding: RedirectFinding, notes: [String]) {
    let state = try await LocalState.take(local.devices, tools: tools)
    var drift = local.devices.filter { !state.devices.contains($0) }
      .map { "there is no interface \($0)" }
    drift += missing(state).map { "\($0.name) is missing" }
    let notes = local.devices.filter { !state.devicesWithIPv6.contains($0) }
      .map { "\($0) has no IPv6: its IPv6 metadata addresses are left out" }
    return (RedirectFinding(drift: drift, packets: nil), local.addresses == [.ipv4] ? [] : notes)
  }

  private func parts(_ state: LocalState) -> [LocalPart] {
    LocalText.parts(local) { state.devicesWithIPv6.contains($0) }
  }

  private func missing(_ state: LocalState) -> [LocalPart] {
    parts(state).filter { !state.has($0) }
  }

  /// Commands of the parts that are there, to be left when the redirect goes.
  func found() async throws(RedirectError) -> [String] {
    let state = try await LocalState.take(local.devices, tools: tools)
    return parts(state).filter { $0.delete != nil && state.hasSomewhere($0) }.map(\.add)
  }

  /// What makes the missing parts; all parts where none is missing.
  func steps() async throws(RedirectError) -> [RedirectStep] {
    let state = try await LocalState.take(local.devices, tools: tools)
    let missing = missing(state)
    return steps(missing.isEmpty ? parts(state) : missing, state, all: parts(state))
  }

  func install() async throws(RedirectError) {
    let state = try await LocalState.take(local.devices, tools: tools)
    for step in steps(missing(state), state, all: parts(state)) {
      if step.input.hasPrefix("route del local") { try await awaitRoutes(step) }
      _ = try await tools.output(step.tool, step.arguments, input: step.input)
    }
    if let device = local.devices.first(where: { !state.devices.contains($0) }) {
      throw .missingDevice(device)
    }
  }

  /// A new IPv6 address brings a route that is deleted in a step of its own.
  private func steps(_ wanted: [LocalPart], _ state: LocalState, all: [LocalPart]) -> [RedirectStep]
  {
    var made = wanted.filter { part in
      if case .none = part.sign { return false }
      if case .address(_, let device) = part.sign { return state.devices.contains(device) }
      return true
    }
    // One that stands behind another is moved.
    made = made.flatMap { part in
      guard state.hasSomewhere(part), !state.has(part), let delete = part.delete else {
        return [part]
      }
      let removal = LocalPart(
        isIPv4: part.isIPv4, add: delete, delete: nil, sign: part.sign, name: part.name)
      return [removal, part]
    }
    let hidden = all.filter { part in
      guard case .none(let route) = part.sign else { return false }
      let comes = made.contains {
        if case .address("\(MetadataAddress.ipv6.rawValue)/128", device: let device) = $0.sign {
          return device == route.last
        }
        return false
      }
      return comes || wanted.contains(part)
    }
    return [
      LocalText.batch(made.filter(\.isIPv4).map(\.add), isIPv4: true),
      LocalText.batch(made.filter { !$0.isIPv4 }.map(\.add), isIPv4: false),
      LocalText.batch(hidden.map(\.add), isIPv4: false),
    ].filter { !$0.input.isEmpty }
  }

  private func awaitRoutes(_ step: RedirectStep) async throws(RedirectError) {
    let wanted = step.input.split(separator: "\n").count
    for _ in 0..<Self.routePatience.tries {
      let state = try await LocalState.take(local.devices, tools: tools)
      let come = parts(state).filter { part in
        if case .none = part.sign { return !state.has(part) }
        return false
      }
      if come.count >= wanted { return }
      try? await Task.sleep(for: Self.routePatience.pause)
    }
  }

  /// Everything of these devices that is there and was not found there, the other way round.
  static func removal(
    devices: [String], found: [String], tools: HostTools
  ) async throws(RedirectError) -> [RedirectStep] {
    guard let local = try? LocalRedirect(devices: devices) else { return [] }
    let state = try await LocalState.take(devices, tools: tools)
    let parts = LocalText.parts(local) { _ in true }
      .filter { $0.delete != nil && !found.contains($0.add) && state.hasSomewhere($0) }
    return [false, true].map { isIPv4 in
      let lines = parts.reversed().filter { $0.isIPv4 == isIPv4 }.compactMap(\.delete)
      return LocalText.batch(lines, isIPv4: isIPv4)
    }
    .filter { !$0.input.isEmpty }
  }
}
