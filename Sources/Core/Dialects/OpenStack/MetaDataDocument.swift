import Inventory
import OrderedCollections

/// meta_data.json, key by key in Nova's order.
enum MetaDataDocument {
  static let randomSeedSince = OpenStackVersion.grizzly

  static func render(_ input: RenderInput, _ version: OpenStackVersion) -> JSONValue {
    let instance = input.view.instance
    var members: OrderedDictionary<String, JSONValue> = [:]
    members["uuid"] = .string(instance.id.description)
    if !instance.metadata.isEmpty {
      members["meta"] = .object(instance.metadata.mapValues(JSONValue.string))
    }
    if OpenStackContent.networkConfig(input) != nil {
      members["network_config"] = [
        "name": "network_config",
        "content_path": .string("/content/\(OpenStackContent.networkConfigID)"),
      ]
    }
    if !input.view.keys.isEmpty {
      members["public_keys"] = .object(
        OrderedDictionary(
          input.view.keys.map { ($0.name, .string($0.publicKey)) },
          uniquingKeysWith: { first, _ in first }))
      members["keys"] = .array(
        input.view.keys.map {
          [
            "name": .string($0.name), "type": .string($0.type.rawValue),
            "data": .string($0.publicKey),
          ]
        })
    }
    members["hostname"] = .string(input.fullHostname)
    members["name"] = JSONValue(instance.name)
    members["launch_index"] = JSONValue(instance.launchIndex)
    members["availability_zone"] = JSONValue(instance.availabilityZone)
    if version >= randomSeedSince {
      members["random_seed"] = .string(Base64.encode(input.randomSeed))
    }
    if version >= .liberty { members["project_id"] = JSONValue(instance.project) }
    if version >= .newtonOne {
      members["devices"] = .array(instance.devices.compactMap { device($0, version) })
    }
    if version >= .victoria {
      members["dedicated_cpus"] = .array(
        (instance.dedicatedCPUs ?? []).sorted().map { JSONValue($0) })
    }
    return .object(members)
  }

  /// An entry of `devices`; nil where this version does not show it.
  private static func device(_ device: Device, _ version: OpenStackVersion) -> JSONValue? {
    var members: OrderedDictionary<String, JSONValue> = [:]
    switch device.type {
    case .nic:
      if version >= .ocata, let vlan = device.vlan { members["vlan"] = JSONValue(vlan) }
      if version >= .rocky { members["vf_trusted"] = .bool(device.vfTrusted ?? false) }
      // Nova shows a card only for what it has to say of it.
      guard !members.isEmpty || device.tags?.isEmpty == false else { return nil }
      members["type"] = "nic"
      members["mac"] = JSONValue(device.mac)
    case .disk:
      members["type"] = "disk"
      if let serial = device.serial { members["serial"] = serial.value }
      if let path = device.path { members["path"] = path.value }
    case .share:
      guard version >= .epoxy else { return nil }
      members["type"] = "share"
      if let id = device.shareID { members["share_id"] = .string(id) }
      if let tag = device.tag { members["tag"] = .string(tag) }
    }
    members["bus"] = .string(device.bus ?? "none")
    members["address"] = .string(device.bus == nil ? "none" : device.address ?? "none")
    if let tags = device.tags { members["tags"] = .array(tags.map(JSONValue.string)) }
    return .object(members)
  }
}
