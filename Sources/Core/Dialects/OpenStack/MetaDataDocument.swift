import Inventory

/// OpenStack's meta_data.json, key by key in Nova's order.
struct MetaDataDocument {
  private let input: RenderInput
  private let version: OpenStackVersion
  private let instance: PackedInstance

  static let randomSeedSince = OpenStackVersion.grizzly
  private static let projectSince = OpenStackVersion.liberty
  private static let devicesSince = OpenStackVersion.newtonOne
  private static let dedicatedCPUsSince = OpenStackVersion.victoria

  init(input: RenderInput, version: OpenStackVersion) {
    self.input = input
    self.version = version
    instance = input.view.instance
  }

  var document: Document {
    Document { json in
      json.object { json in
        json.put("uuid", instance.id)
        putParameters(into: &json)
        if input.carrier == .drive { putInjections(into: &json) }
        putNetworkConfig(into: &json)
        putKeys(into: &json)
        putNames(into: &json)
        putNewer(into: &json)
      }
    }
  }

  private func putParameters(into json: inout JSONWriter) {
    guard instance.hasMetadata else { return }
    json.put("meta", object: { json in instance.eachMetadata { json.put(named: $0, $1) } })
  }

  /// What only a drive has: Nova keeps both off the network.
  private func putInjections(into json: inout JSONWriter) {
    let files = OpenStackContent(view: input.view).files
    if !files.isEmpty {
      json.put(
        "files",
        array: { json in
          for (id, file) in files {
            json.object { json in
              json.put("path", file.path)
              json.put("content_path", OpenStackContent.path(of: id))
            }
          }
        })
    }
    if let password = instance.adminPassword { json.put("admin_pass", password.revealed) }
  }

  private func putNetworkConfig(into json: inout JSONWriter) {
    guard InterfacesTemplate.exists(for: input.view) else { return }
    json.put(
      "network_config",
      object: { json in
        json.put("name", "network_config")
        json.put("content_path", OpenStackContent.path(of: InterfacesTemplate.contentID))
      })
  }

  /// Nova's instances have one key pair; ours may have several, and all are shown.
  private func putKeys(into json: inout JSONWriter) {
    let keys = input.view.keys
    guard !keys.isEmpty else { return }
    json.put(
      "public_keys",
      object: { json in
        for (index, key) in keys.enumerated()
        where !keys[..<index].contains(where: { $0.name == key.name }) {
          json.put(named: key.name, key.publicKey)
        }
      })
    json.put(
      "keys",
      array: { json in
        for key in keys {
          json.object { json in
            json.put("name", key.name)
            json.put("type", key.type.rawValue)
            json.put("data", key.publicKey)
          }
        }
      })
  }

  private func putNames(into json: inout JSONWriter) {
    json.put("hostname", input.fullHostname)
    json.put("name", instance.name)
    json.put("launch_index", instance.launchIndex)
    json.put("availability_zone", instance.availabilityZone)
  }

  /// What the first version did not have yet.
  private func putNewer(into json: inout JSONWriter) {
    if version >= MetaDataDocument.randomSeedSince {
      json.key("random_seed")
      json.put(letters: input.randomSeedText)
    }
    if version >= MetaDataDocument.projectSince { json.put("project_id", instance.project) }
    if version >= MetaDataDocument.devicesSince {
      json.put(
        "devices",
        array: { json in
          for device in instance.devices { device.write(to: &json, in: version) }
        })
    }
    if version >= MetaDataDocument.dedicatedCPUsSince {
      json.put(
        "dedicated_cpus",
        array: { json in
          guard let cpus = instance.dedicatedCPUs else { return }
          for cpu in Set(cpus).sorted() { json.put(cpu) }
        })
    }
  }
}
