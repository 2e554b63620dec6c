import Inventory

/// Whose a session token is: an instance, asking by one of its addresses.
struct TokenHolder: Sendable, Hashable {
  let instance: InstanceID
  /// An instance that is declared anew under an old id is another one.
  let createdAtSeconds: Int
  /// The listener's network, and the address that asks on it.
  let network: NetworkID?
  let source: IPAddress

  init(_ view: InstanceView, _ request: GuestRequest) {
    instance = view.instance.id
    createdAtSeconds = view.createdAtSeconds
    network = request.network
    source = request.source
  }

  /// The holder as bytes; no two holders have the same. Only the last part's length varies.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: instance.upper)
    bytes.append(bigEndian: instance.lower)
    bytes.append(bigEndian: UInt64(bitPattern: Int64(createdAtSeconds)))
    switch source {
    case .v4(let bits):
      bytes.append(4)
      bytes.append(bigEndian: UInt64(bits))
      bytes.append(bigEndian: UInt64(0))
    case .v6(let upper, let lower):
      bytes.append(6)
      bytes.append(bigEndian: upper)
      bytes.append(bigEndian: lower)
    }
    bytes.append(network == nil ? 0 : 1)
    if let network { bytes.append(contentsOf: network.text.utf8) }
    return bytes
  }
}

extension [UInt8] {
  mutating func append(bigEndian number: UInt64, bytes count: Int = 8) {
    for index in (0..<count).reversed() {
      append(UInt8(truncatingIfNeeded: number >> (8 * index)))
    }
  }
}

extension Sequence<UInt8> {
  /// The number that the bytes are, the first being the most significant.
  var bigEndianNumber: UInt64 { reduce(0) { $0 << 8 | UInt64($1) } }
}
