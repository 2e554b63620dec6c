import Inventory

/// Reads what iproute2 prints with `-j`.
enum IPRouteReader {
  /// `ip -j -d address show`
  static func interfaces(_ text: String) -> [DoctorInterface] {
    guard let list = try? JSONValue(parsing: text).array else { return [] }
    return list.compactMap { value in
      guard let name = value["ifname"]?.string else { return nil }
      let addresses = (value["addr_info"]?.array ?? []).compactMap {
        entry -> DoctorInterface.Address? in
        guard let address = entry["local"]?.string.flatMap({ IPAddress($0) }),
          let length = entry["prefixlen"]?.integer
        else { return nil }
        return DoctorInterface.Address(address: address, prefixLength: length)
      }
      return DoctorInterface(
        name: name, mtu: value["mtu"]?.integer ?? 0,
        isUp: value["flags"]?.array?.contains("UP") == true,
        kind: value["linkinfo"]?["info_kind"]?.string ?? "", master: value["master"]?.string,
        hardwareAddress: value["address"]?.string, addresses: addresses)
    }
  }

  /// `ip -j route get ADDRESS`
  static func route(_ text: String) -> DoctorRoute {
    guard let value = try? JSONValue(parsing: text).array?.first,
      let device = value["dev"]?.string
    else { return .none("there is no route") }
    if value["type"]?.string == "local" { return .local(device: device) }
    return .via(
      device: device,
      gateway: value["gateway"]?.string.flatMap { IPAddress($0) }
        ?? value["via"]?["host"]?.string.flatMap { IPAddress($0) },
      source: value["prefsrc"]?.string.flatMap { IPAddress($0) })
  }

  /// `ip -j neigh show to ADDRESS`. Nil: nobody has been looked for.
  static func neighbour(_ text: String) -> DoctorNeighbour? {
    let list = (try? JSONValue(parsing: text).array) ?? []
    let found = list.lazy.filter { value in
      let states = value["state"]?.array ?? []
      return !states.contains("FAILED") && !states.contains("INCOMPLETE")
    }.compactMap { $0["lladdr"]?.string }.first
    return found.map(DoctorNeighbour.found) ?? (list.isEmpty ? nil : .nobody)
  }
}
