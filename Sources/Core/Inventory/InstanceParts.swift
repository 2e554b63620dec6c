import OrderedCollections

// The manifest form of what an instance is made of.

extension EC2IDs {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    instanceID = try fields.string("instanceId", rule: InstanceRule.ec2InstanceID)
    amiID = try fields.string("amiId", rule: InstanceRule.ec2ID("ami-"))
    kernelID = try fields.string("kernelId", rule: InstanceRule.ec2ID("aki-"))
    ramdiskID = try fields.string("ramdiskId", rule: InstanceRule.ec2ID("ari-"))
    try fields.finish()
  }

  var value: JSONValue? {
    var fields = FieldWriter()
    fields.put("instanceId", instanceID)
    fields.put("amiId", amiID)
    fields.put("kernelId", kernelID)
    fields.put("ramdiskId", ramdiskID)
    return fields.members.isEmpty ? nil : fields.value
  }
}

extension BlockDevice {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    virtual = try fields.required("virtual", rule: NameRule.pathSegment)
    device = try fields.required("device", rule: NameRule.line)
    try fields.finish()
  }

  var value: JSONValue { ["virtual": .string(virtual), "device": .string(device)] }
}

extension InjectedFile {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    self.path = try fields.required("path", rule: InstanceRule.filePath)
    let bytes = try fields.bytes(
      text: "content", base64: "contentBase64", Limits.maximumFileBytes)
    guard let bytes else { throw fields.error("content", "is required") }
    content = Secret(bytes)
    try fields.finish()
  }

  var value: JSONValue {
    var fields = FieldWriter()
    fields.put("path", path)
    fields.put(bytes: content.revealed, text: "content", base64: "contentBase64")
    return fields.value
  }
}

extension NetworkInterface {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    id = try fields.string("id", rule: NameRule.identifier)
    network =
      try fields.parsed(
        "network", "a network's id (1 to 64 characters of a-z, 0-9, '.' and '-')", NetworkID.init)
      ?? .default
    mac = try fields.parsed("mac", "a MAC address, like fa:16:3e:9c:bf:3d", MACAddress.init)
    device = try fields.string("device", rule: NameRule.pathSegment)
    securityGroups =
      try fields.strings(
        "securityGroups", limit: Limits.maximumSecurityGroups, rule: NameRule.line) ?? []
    let one = try fields.parsed("address", "an IP address", IPAddress.init)
    let many = try fields.list("addresses", limit: Limits.maximumAddresses) {
      (value, path) throws(FieldError) in try FixedAddress(reading: value, path: path)
    }
    if one != nil && many != nil {
      throw fields.error("address", "and 'addresses' exclude each other; keep one of them")
    }
    addresses = many ?? one.map { [FixedAddress(ip: $0, floatingIPs: [])] } ?? []
    try fields.finish()
    if let address = addresses.first(where: { !$0.ip.isUnicast }) {
      throw FieldError(
        path: path, message: "\(address.ip) is not an address that a machine can have")
    }
  }

  var value: JSONValue {
    var fields = FieldWriter()
    fields.put("id", id)
    fields.put("network", network.text)
    fields.put("mac", mac?.description)
    fields.put("device", device)
    fields.put("securityGroups", strings: securityGroups)
    fields.put("addresses", list: addresses.map(\.value))
    return fields.value
  }
}

extension FixedAddress {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    guard let ip = try fields.parsed("ip", "an IP address", IPAddress.init) else {
      throw fields.error("ip", "is required")
    }
    self.ip = ip
    floatingIPs =
      try fields.list("floatingIPs", limit: Limits.maximumAddresses) {
        (value, path) throws(FieldError) in try IPAddress(reading: value, path: path)
      } ?? []
    try fields.finish()
  }

  var value: JSONValue {
    var fields = FieldWriter()
    fields.put("ip", ip.description)
    fields.put("floatingIPs", strings: floatingIPs.map(\.description))
    return fields.value
  }
}

extension Device {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    guard let type = try fields.word("type", Kind.self) else {
      throw fields.error("type", "is required: nic, disk or share")
    }
    self.type = type
    bus = try fields.string("bus", rule: NameRule.line)
    address = try fields.string("address", rule: NameRule.line)
    tags = try fields.strings("tags", limit: Limits.maximumDeviceTags, rule: NameRule.line)
    if type == .nic {
      mac = try fields.string("mac", rule: NameRule.line)
      vlan = try fields.integer("vlan", in: 0...4095)
      vfTrusted = try fields.bool("vf_trusted")
    }
    if type == .disk {
      serial = try fields.nullable("serial")
      self.path = try fields.nullable("path")
    }
    if type == .share {
      shareID = try fields.string("share_id", rule: NameRule.line)
      tag = try fields.string("tag", rule: NameRule.line)
    }
    try fields.finish()
  }

  var value: JSONValue {
    var fields = FieldWriter()
    fields.put("type", type.rawValue)
    fields.put("bus", bus)
    fields.put("address", address)
    fields.put("mac", mac)
    fields.put("vlan", vlan)
    fields.put("vf_trusted", vfTrusted)
    fields.put("serial", serial?.value)
    fields.put("path", path?.value)
    fields.put("share_id", shareID)
    fields.put("tag", tag)
    fields.put("tags", tags.map { .array($0.map(JSONValue.string)) })
    return fields.value
  }
}

extension Device.Nullable {
  /// The text, or nil for null.
  public var text: String? {
    switch self {
    case .null: nil
    case .text(let text): text
    }
  }

  /// The text, or JSON's null.
  var value: JSONValue { JSONValue(text) }
}

extension FieldReader {
  mutating func nullable(_ field: String) throws(FieldError) -> Device.Nullable? {
    if raw(field) == .null { return .null }
    return try string(field, rule: NameRule.line).map(Device.Nullable.text)
  }

  /// Bytes that are given as text or in base64, not both.
  mutating func bytes(text: String, base64: String, _ limit: Int) throws(FieldError) -> [UInt8]? {
    let plain = try string(text).map { Array($0.utf8) }
    let encoded = try string(base64)
    if plain != nil && encoded != nil {
      throw error(text, "and '\(base64)' exclude each other; keep one of them")
    }
    var bytes = plain
    if let encoded {
      guard let decoded = Base64.decode(encoded) else { throw error(base64, "is not base64") }
      bytes = decoded
    }
    guard let bytes else { return nil }
    guard bytes.count <= limit else {
      throw error(
        encoded == nil ? text : base64,
        "has \(bytes.count) bytes; at most \(limit) are allowed")
    }
    return bytes
  }
}

extension FieldWriter {
  /// Text where the bytes are readable text, else base64.
  mutating func put(bytes: [UInt8]?, text: String, base64: String) {
    guard let bytes else { return }
    if let readable = String(validating: bytes, as: UTF8.self),
      !readable.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\n" && $0 != "\t" })
    {
      put(text, readable)
    } else {
      put(base64, Base64.encode(bytes))
    }
  }
}
