import ControlAPI
import Hummingbird
import Inventory
import MetadataService

/// What is known of the road from a guest to this daemon, for a doctor.
struct RoadHandlers: Sendable {
  let service: MetadataService
  let listeners: @Sendable () -> [ListenerState]

  func listListeners() -> Response {
    .json(["items": .array(listeners().map(\.form))])
  }

  func listStrangers() -> Response {
    .json(["items": .array(service.strangers.sightings.map { StrangerForm($0).form })])
  }

  func probe(_ request: ControlRequest) throws(Problem) -> Response {
    let nonce = request.parameters["nonce"] ?? ""
    guard Probe.isNonce(nonce.utf8), let sighting = service.probes.sighting(of: nonce) else {
      throw Problem(.notFound, "no such probe has arrived here, or it is long ago")
    }
    return .json(ProbeForm(sighting).form)
  }

  func addressOwner(_ request: ControlRequest) throws(Problem) -> Response {
    let query = try request.query(allowing: ["network"])
    let text = request.parameters["address"] ?? ""
    guard let address = IPAddress(text) else {
      throw Problem(.badRequest, "'\(text)' is not an IP address", field: "address")
    }
    var network: NetworkID?
    if let name = query["network"] {
      network = NetworkID(name)
      guard network != nil else {
        throw Problem(.badRequest, "'\(name)' is not a network's id", field: "network")
      }
    }
    let owner = service.catalog.read { [network] catalog in
      RoadHandlers.owner(of: address, on: network, in: catalog)
    }
    return .json(owner.form)
  }

  private static func owner(
    of address: IPAddress, on network: NetworkID?, in catalog: borrowing Catalog
  ) -> AddressOwner {
    let networks: [NetworkID]
    switch catalog.find(address, on: network) {
    case .unknown: networks = []
    case .ambiguous: networks = network.map { [$0] } ?? catalog.networks(having: address)
    case .instance(let view):
      networks = view.instance.interfaces.filter { interface in
        (network == nil || interface.network == network) && interface.identities.contains(address)
      }.map(\.network)
    }
    let holders = networks.compactMap { network -> AddressOwner.Holder? in
      guard case .instance(let view) = catalog.find(address, on: network) else { return nil }
      return AddressOwner.Holder(
        id: view.instance.id, hostname: view.instance.hostname.string, network: network)
    }
    return AddressOwner(
      instances: holders, role: catalog.role(of: address, on: network)?.description)
  }
}
