import Inventory
import OrderedCollections

/// OpenStack's meta_data.json, key by key in Nova's order.
struct MetaDataDocument {
  typealias Members = OrderedDictionary<String, JSONValue>

  let input: RenderInput
  let version: OpenStackVersion

  static let randomSeedSince = OpenStackVersion.grizzly
  private static let projectSince = OpenStackVersion.liberty
  private static let devicesSince = OpenStackVersion.newtonOne
  private static let dedicatedCPUsSince = OpenStackVersion.victoria

  private var instance: Instance { input.view.instance }

  var value: JSONValue {
    var members: Members = ["uuid": .string(instance.id.description)]
    if !instance.metadata.isEmpty {
      members["meta"] = .object(instance.metadata.mapValues(JSONValue.string))
    }
    if input.carrier == .drive { addInjections(to: &members) }
    addNetworkConfig(to: &members)
    addKeys(to: &members)
    addNames(to: &members)
    addNewer(to: &members)
    return .object(members)
  }

  /// What only a drive has: Nova keeps both off the network.
  private func addInjections(to members: inout Members) {
    let files = OpenStackContent(view: input.view).files
    if !files.isEmpty {
      members["files"] = .array(
        files.map { id, file in
          ["path": .string(file.path), "content_path": .string(OpenStackContent.path(of: id))]
        })
    }
    if let password = instance.adminPassword {
      members["admin_pass"] = .string(password.revealed)
    }
  }

  private func addNetworkConfig(to members: inout Members) {
    guard InterfacesTemplate.exists(for: input.view) else { return }
    members["network_config"] = [
      "name": "network_config",
      "content_path": .string(OpenStackContent.path(of: InterfacesTemplate.contentID)),
    ]
  }

  /// Nova's instances have one key pair; ours may have several, and all are shown.
  private func addKeys(to members: inout Members) {
    let keys = input.view.keys
    guard !keys.isEmpty else { return }
    members["public_keys"] = .object(
      Members(
        keys.map { ($0.name, .string($0.publicKey)) }, uniquingKeysWith: { first, _ in first }))
    members["keys"] = .array(
      keys.map { key in
        [
          "name": .string(key.name), "type": .string(key.type.rawValue),
          "data": .string(key.publicKey),
        ]
      })
  }

  private func addNames(to members: inout Members) {
    members["hostname"] = .string(input.fullHostname)
    members["name"] = JSONValue(instance.name)
    members["launch_index"] = JSONValue(instance.launchIndex)
    members["availability_zone"] = JSONValue(instance.availabilityZone)
  }

  /// What the first version did not have yet.
  private func addNewer(to members: inout Members) {
    if version >= MetaDataDocument.randomSeedSince {
      members["random_seed"] = .string(Base64.encode(input.randomSeed))
    }
    if version >= MetaDataDocument.projectSince {
      members["project_id"] = JSONValue(instance.project)
    }
    if version >= MetaDataDocument.devicesSince {
      members["devices"] = .array(instance.devices.compactMap { $0.value(in: version) })
    }
    if version >= MetaDataDocument.dedicatedCPUsSince {
      let cpus = (instance.dedicatedCPUs ?? []).sorted()
      members["dedicated_cpus"] = .array(cpus.map { JSONValue($0) })
    }
  }
}
