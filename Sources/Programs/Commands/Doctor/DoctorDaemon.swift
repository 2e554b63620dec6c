import ControlAPI
import ControlClient
import Foundation
import HostNetwork
import Inventory

extension DoctorDaemon {
  /// What the daemon at the other end of a client knows.
  init(asking client: ControlClient) {
    self.init(
      status: {
        let health = try await client.health().value
        return Status(
          version: health["version"]?.string ?? "of an unknown version",
          listeners: try await client.listeners().map(DoctorDaemon.name))
      },
      whois: { address, network in
        let network = network.flatMap { NetworkID($0) }
        let owner = try await client.owner(of: address, on: network)
        switch owner.instances.count {
        case 0: return owner.role.map { .role($0) } ?? .unknown
        case 1:
          return .instance(id: "\(owner.instances[0].id)", name: owner.instances[0].hostname)
        default: return .ambiguous(owner.instances.map(\.network.text))
        }
      },
      sighting: { nonce in
        try await client.probe(nonce).map { Sighting(source: $0.source, network: $0.network?.text) }
      },
      strangers: {
        try await client.strangers().map { stranger in
          Stranger(
            source: stranger.address, role: stranger.role,
            conflict: stranger.conflict.map { "\($0)" }, count: stranger.requests,
            last: Timestamp.text(secondsSince1970: stranger.lastSeenSeconds))
        }
      })
  }

  private static func name(of listener: ListenerState) -> String {
    let host = listener.address.isIPv4 ? "\(listener.address)" : "[\(listener.address)]"
    let device = listener.device.map { " on \($0)" } ?? ""
    let namespace = listener.namespace.map { " in \($0)" } ?? ""
    let problem = listener.problem.map { " (closed: \($0))" } ?? ""
    return "\(host):\(listener.port)\(device)\(namespace)\(problem)"
  }
}
