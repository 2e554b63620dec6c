import Dialects
public import Inventory
import Synchronization

/// A request that only asks whether it arrives, and from where: `GET /nameplate/probe/NONCE`, and
/// `/nameplate/probe/NONCE/BYTES` for an answer that fills several packets.
///
/// Anybody is answered: that a request came from the wrong address is what it is there to show. The
/// answer tells a sender nothing but its own address.
public struct Probe: Sendable, Hashable {
  /// What the asker recognises its own probe by: 32 lower-case hexadecimal digits.
  public let nonce: String
  /// The least bytes of the answer's body.
  public let bytes: Int

  public static let path = "/nameplate/probe/"
  static let nonceDigits = 32

  /// Reads a request line's target; nil where it is no probe.
  init?(target: [UInt8]) {
    let prefix = Probe.path.utf8
    guard target.starts(with: prefix), target.count <= prefix.count + Probe.nonceDigits + 6 else {
      return nil
    }
    let parts = target.dropFirst(prefix.count).split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard let first = parts.first, parts.count <= 2, Probe.isNonce(first) else { return nil }
    nonce = String(decoding: first, as: UTF8.self)
    guard parts.count == 2 else {
      bytes = 0
      return
    }
    guard let bytes = Int(String(decoding: parts[1], as: UTF8.self)),
      (0...Limits.maximumProbeBytes).contains(bytes)
    else { return nil }
    self.bytes = bytes
  }

  public static func isNonce(_ text: some Collection<UInt8>) -> Bool {
    text.count == nonceDigits
      && text.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// What the asker gets.
  func answer(to source: IPAddress) -> GuestAnswer {
    let value: JSONValue = [
      "service": "nameplate", "nonce": .string(nonce), "source": .string(source.description),
    ]
    var body = value.bytes
    body.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(0, bytes - body.count - 1)))
    body.append(UInt8(ascii: "\n"))
    return GuestAnswer(contentType: .json, body: body, instance: nil)
  }

  /// A probe that arrived.
  public struct Sighting: Sendable, Hashable {
    public var nonce: String
    public var source: IPAddress
    /// The listener's network; nil for one that serves any.
    public var network: NetworkID?

    public init(nonce: String, source: IPAddress, network: NetworkID?) {
      self.nonce = nonce
      self.source = source
      self.network = network
    }
  }
}

/// The last probes that arrived, so that an operator can ask this daemon whether it was the one that
/// answered.
public final class ProbeLedger: Sendable {
  private let last = Mutex<[Probe.Sighting]>([])

  func note(_ sighting: Probe.Sighting) {
    last.withLock { last in
      if last.count >= Limits.maximumProbes { last.removeFirst() }
      last.append(sighting)
    }
  }

  /// The latest probe with a nonce.
  public func sighting(of nonce: String) -> Probe.Sighting? {
    last.withLock { $0.last { $0.nonce == nonce } }
  }
}
