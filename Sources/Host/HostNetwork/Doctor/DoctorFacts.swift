import Inventory

/// A route that the kernel would take.
struct RouteFact: Hashable {
  var device: String
  var gateway: IPAddress?
  /// To an address of the host's own.
  var isLocal: Bool
  var source: IPAddress?

  /// Reads `ip -j route get`; nil where there is no route.
  init?(_ json: String) {
    guard let route = (try? JSONValue(parsing: json))?.array?.first,
      let device = route["dev"]?.string, route["type"]?.string != "unreachable",
      route["type"]?.string != "blackhole"
    else { return nil }
    self.device = device
    gateway = route["gateway"]?.string.flatMap { IPAddress($0) }
    isLocal = route["type"]?.string == "local"
    source = route["prefsrc"]?.string.flatMap { IPAddress($0) }
  }
}

/// An address of an interface.
struct AddressFact: Hashable {
  var device: String
  var address: IPAddress
  var block: CIDR
  var mtu: Int

  /// Reads `ip -j address`.
  static func read(_ json: String) -> [AddressFact] {
    let links = (try? JSONValue(parsing: json))?.array ?? []
    return links.flatMap { link -> [AddressFact] in
      guard let device = link["ifname"]?.string else { return [] }
      return (link["addr_info"]?.array ?? []).compactMap { info in
        guard let address = info["local"]?.string.flatMap({ IPAddress($0) }),
          let length = info["prefixlen"]?.integer,
          let block = CIDR(address, prefixLength: length)
        else { return nil }
        return AddressFact(
          device: device, address: address, block: block, mtu: link["mtu"]?.integer ?? 0)
      }
    }
  }
}

/// What the host knows, gathered before anything is judged.
struct DoctorFacts: Hashable {
  var addresses: [AddressFact] = []
  var routeToMetadataHost: RouteFact?
  var routeToGuest: RouteFact?
  /// Numbers under /proc/sys/net, by path; absent where the file is.
  var settings: [String: Int] = [:]
  /// Devices that are bridges.
  var bridges: Set<String> = []
  var firewall = Firewall()
  /// The probe from the host itself to where guests are sent.
  var direct: DoctorProbe?
  var guest: GuestFacts?
  /// The guest's address, however it is known.
  var guestAddress: IPAddress?

  func owns(_ address: IPAddress) -> Bool { addresses.contains { $0.address == address } }

  /// The interface by which the guest's packets come in, as far as it can be told.
  var arrivalDevice: String? {
    let gateway = guest?.route?.gateway
    return addresses.first { $0.address == gateway }?.device ?? routeToGuest?.device
  }
}

/// What the guest's side knows.
struct GuestFacts: Hashable {
  var addresses: [AddressFact] = []
  /// Its route to the metadata address.
  var route: RouteFact?
  /// What it knows of the next hop after the probe: `REACHABLE`, `FAILED` and so on.
  var nextHopState: String?
  var probe: DoctorProbe?
  var largeProbe: DoctorProbe?
  /// Connections that the redirect counted by then, before and after.
  var countedBefore: UInt64?
  var countedAfter: UInt64?

  /// The address that it asks from.
  var source: IPAddress? {
    route?.source ?? addresses.first { !$0.address.isLinkLocal && $0.device != "lo" }?.address
  }

  var mtu: Int? { addresses.first { $0.device == route?.device }?.mtu }
}
