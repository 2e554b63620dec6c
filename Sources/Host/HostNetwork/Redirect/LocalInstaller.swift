import HostProcess

/// Makes, checks and takes away a local redirect.
struct LocalInstaller {
  let local: LocalRedirect
  let tools: HostTools

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
    return parts(state).filter { state.hasSomewhere($0) }.map(\.add)
  }

  /// What makes the missing parts; all parts where none is missing.
  func steps() async throws(RedirectError) -> [RedirectStep] {
    let state = try await LocalState.take(local.devices, tools: tools)
    let missing = missing(state)
    return steps(missing.isEmpty ? parts(state) : missing, state)
  }

  func install() async throws(RedirectError) {
    let state = try await LocalState.take(local.devices, tools: tools)
    for step in steps(missing(state), state) {
      _ = try await tools.output(step.tool, step.arguments, input: step.input)
    }
    if let device = local.devices.first(where: { !state.devices.contains($0) }) {
      throw .missingDevice(device)
    }
  }

  /// One that stands behind another is moved; a device that is not there gets no address.
  private func steps(_ wanted: [LocalPart], _ state: LocalState) -> [RedirectStep] {
    let possible = wanted.filter { part in
      if case .address(_, let device) = part.sign { return state.devices.contains(device) }
      return true
    }
    return [true, false].map { isIPv4 in
      let lines = possible.filter { $0.isIPv4 == isIPv4 }.flatMap { part in
        let isBehind = state.hasSomewhere(part) && !state.has(part)
        return isBehind ? [part.delete, part.add] : [part.add]
      }
      return LocalText.batch(lines, isIPv4: isIPv4)
    }
    .filter { !$0.input.isEmpty }
  }

  /// Everything of these devices that is there and was not found there, the other way round.
  static func removal(
    devices: [String], found: [String], tools: HostTools
  ) async throws(RedirectError) -> [RedirectStep] {
    guard let local = try? LocalRedirect(devices: devices) else { return [] }
    let state = try await LocalState.take(devices, tools: tools)
    let parts = LocalText.parts(local) { _ in true }
      .filter { !found.contains($0.add) && state.hasSomewhere($0) }
    return [false, true].map { isIPv4 in
      let lines = parts.reversed().filter { $0.isIPv4 == isIPv4 }.map(\.delete)
      return LocalText.batch(lines, isIPv4: isIPv4)
    }
    .filter { !$0.input.isEmpty }
  }
}
