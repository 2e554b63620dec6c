import Foundation

/// What libFuzzer calls with every input.
///
/// The target is named by the variable FUZZ_TARGET, since libFuzzer takes the arguments.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target.run(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

private let target: FuzzTarget = {
  let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    FileHandle.standardError.write(Data("FUZZ_TARGET must be one of \(names)\n".utf8))
    exit(2)
  }
  return target
}()

/// What can be fuzzed. The names are those of the folders in Corpora.
enum FuzzTarget: String, CaseIterable {
  /// A guest's bytes on a connection.
  case requests
  /// A request line's target, and every dialect's answer to it.
  case targets
  /// An operator's manifest.
  case manifests
  /// JSON, which everything of the operators' side is read from.
  case json
  /// A request of the control API: its path, conditions and lines.
  case control
  /// What the host's packet filters list.
  case firewall
  /// What a service answers the agent, and a user's authorized_keys.
  case agent
  /// A session token, and the time that one is asked for.
  case tokens
  /// What the kernel says of routes and neighbours.
  case neighbours

  func run(_ input: [UInt8]) {
    switch self {
    case .requests: fuzzRequests(input)
    case .targets: fuzzTargets(input)
    case .manifests: fuzzManifests(input)
    case .json: fuzzJSON(input)
    case .control: fuzzControl(input)
    case .firewall: fuzzFirewall(input)
    case .agent: fuzzAgent(input)
    case .tokens: fuzzTokens(input)
    case .neighbours: fuzzNeighbours(input)
    }
  }
}

/// What must hold for every input; where it does not, the process ends and libFuzzer keeps the input.
func expect(_ holds: Bool, _ sentence: @autoclosure () -> String) {
  if !holds { fatalError("FINDING: \(sentence())") }
}

/// What must hold for a value that was written and read again.
func expectEqual<Value: Equatable>(_ left: Value, _ right: Value, _ sentence: String) {
  expect(left == right, "\(sentence):\n\(left)\n\(right)")
}

/// SwiftPM renames a program's entry and defines `main` as that name; the fuzzer's own is behind it.
@_cdecl("NameplateFuzz_main")
public func start(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
  var count = count
  var arguments = unsafe arguments
  return unsafe runDriver(&count, &arguments, testOneInput)
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ run: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
