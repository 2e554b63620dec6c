import Inventory

// The entries of meta_data.json's `devices` (measured on Nova 34, version by version).

extension Device {
  private static let vlanSince = OpenStackVersion.ocata
  private static let trustSince = OpenStackVersion.rocky
  private static let sharesSince = OpenStackVersion.epoxy

  /// Writes the device as a version shows it; nothing where it does not.
  func write(to json: inout JSONWriter, in version: OpenStackVersion) {
    guard isShown(in: version) else { return }
    json.object { json in
      switch type {
      case .nic: putCard(into: &json, in: version)
      case .disk: putDisk(into: &json)
      case .share: putShare(into: &json)
      }
      json.put("bus", bus ?? "none")
      json.put("address", bus == nil ? "none" : address ?? "none")
      if type != .share, let tags {
        json.put("tags", array: { json in for tag in tags { json.put(tag) } })
      }
    }
  }

  /// A card of which nothing but its place is known is not worth an entry to Nova.
  private func isShown(in version: OpenStackVersion) -> Bool {
    switch type {
    case .nic:
      tags != nil || version >= Device.trustSince || (version >= Device.vlanSince && vlan != nil)
    case .disk: true
    case .share: version >= Device.sharesSince
    }
  }

  private func putCard(into json: inout JSONWriter, in version: OpenStackVersion) {
    if version >= Device.vlanSince, let vlan { json.put("vlan", vlan) }
    if version >= Device.trustSince {
      json.key("vf_trusted")
      json.put(vfTrusted ?? false)
    }
    json.put("type", type.rawValue)
    if let mac { json.put("mac", mac) }
  }

  private func putDisk(into json: inout JSONWriter) {
    json.put("type", type.rawValue)
    if let serial { json.put("serial", serial.text) }
    if let path { json.put("path", path.text) }
  }

  private func putShare(into json: inout JSONWriter) {
    json.put("type", type.rawValue)
    if let shareID { json.put("share_id", shareID) }
    if let tag { json.put("tag", tag) }
  }
}
