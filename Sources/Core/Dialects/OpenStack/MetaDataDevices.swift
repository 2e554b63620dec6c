import Inventory
import OrderedCollections

// The entries of meta_data.json's `devices` (measured on Nova 34, version by version).

extension Device {
  private static let vlanSince = OpenStackVersion.ocata
  private static let trustSince = OpenStackVersion.rocky
  private static let sharesSince = OpenStackVersion.epoxy

  /// The device as a version shows it; nil where it does not.
  func value(in version: OpenStackVersion) -> JSONValue? {
    var members: OrderedDictionary<String, JSONValue> = [:]
    switch type {
    case .nic: addCard(to: &members, in: version)
    case .disk: addDisk(to: &members)
    case .share:
      guard version >= Device.sharesSince else { return nil }
      addShare(to: &members)
    }
    // A card of which nothing but its place is known is not worth an entry to Nova.
    guard type != .nic || tags != nil || members["vlan"] != nil || members["vf_trusted"] != nil
    else { return nil }
    members["bus"] = .string(bus ?? "none")
    members["address"] = .string(bus == nil ? "none" : address ?? "none")
    if type != .share, let tags { members["tags"] = .array(tags.map(JSONValue.string)) }
    return .object(members)
  }

  private func addCard(
    to members: inout OrderedDictionary<String, JSONValue>, in version: OpenStackVersion
  ) {
    if version >= Device.vlanSince, let vlan { members["vlan"] = JSONValue(vlan) }
    if version >= Device.trustSince { members["vf_trusted"] = .bool(vfTrusted ?? false) }
    members["type"] = .string(type.rawValue)
    if let mac { members["mac"] = .string(mac) }
  }

  private func addDisk(to members: inout OrderedDictionary<String, JSONValue>) {
    members["type"] = .string(type.rawValue)
    if let serial { members["serial"] = serial.value }
    if let path { members["path"] = path.value }
  }

  private func addShare(to members: inout OrderedDictionary<String, JSONValue>) {
    members["type"] = .string(type.rawValue)
    if let shareID { members["share_id"] = .string(shareID) }
    if let tag { members["tag"] = .string(tag) }
  }
}
