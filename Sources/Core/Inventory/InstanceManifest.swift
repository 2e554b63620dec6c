import OrderedCollections

// The manifest form of an instance: read strictly, written back canonically.

extension Instance {
  /// Reads a document. `makeID` gives the id of a document that has none; without it, an id is
  /// required.
  init(reading value: JSONValue, path: String, makeID: (() -> InstanceID)?) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    _ = fields.raw("kind")
    let declared = try fields.parsed(
      "id", "a UUID, like 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21", InstanceID.init)
    guard let id = declared ?? makeID?() else { throw fields.error("id", "is required") }
    self.init(id: id, hostname: try fields.required("hostname", rule: NameRule.hostname))
    try readOwnership(&fields)
    try readPlacement(&fields)
    try readData(&fields)
    try readHardware(&fields)
    declaredMetadataOptions = try fields.metadataOptions()
    try fields.finish()
    try checkAddresses(fields)
  }

  private mutating func readOwnership(_ fields: inout FieldReader) throws(FieldError) {
    project = try fields.string("project", rule: NameRule.identifier)
    user = try fields.string("user", rule: NameRule.identifier)
    name = try fields.string("name", rule: NameRule.line)
    domain = try fields.string("domain") { $0.isEmpty ? nil : NameRule.hostname($0) }
    host = try fields.string("host", rule: NameRule.line)
    accountID = try fields.string("accountId", rule: NameRule.identifier)
    imageID = try fields.string("imageId", rule: NameRule.identifier)
    bootRoles = try fields.strings("bootRoles", limit: 64, rule: NameRule.line) ?? []
  }

  private mutating func readPlacement(_ fields: inout FieldReader) throws(FieldError) {
    launchIndex = try fields.integer("launchIndex", in: 0...Int(Int32.max)) ?? 0
    reservationID = try fields.string("reservationId", rule: NameRule.identifier)
    availabilityZone = try fields.string("availabilityZone", rule: NameRule.line)
    availabilityZoneID = try fields.string("availabilityZoneId", rule: NameRule.line)
    region = try fields.string("region", rule: NameRule.line)
    placementGroup = try fields.string("placementGroup", rule: NameRule.line)
    instanceType = try fields.string("instanceType", rule: NameRule.line)
    architecture = try fields.string("architecture", rule: NameRule.identifier)
    if let value = fields.value("ec2") {
      ec2 = try EC2IDs(reading: value, path: fields.path("ec2"))
    }
  }

  private mutating func readData(_ fields: inout FieldReader) throws(FieldError) {
    keys =
      try fields.list("keys", limit: Limits.maximumKeys) { (value, path) throws(FieldError) in
        try KeyReference(reading: value, path: path)
      } ?? []
    userData = try fields.bytes(
      text: "userData", base64: "userDataBase64", Limits.maximumUserDataBytes
    )
    .map { Secret($0) }
    metadata =
      try fields.stringMap(
        "metadata", limit: Limits.maximumMetadataItems, key: InstanceRule.metadataKey,
        value: InstanceRule.metadataValue) ?? [:]
    tags =
      try fields.stringMap(
        "tags", limit: Limits.maximumTags, key: NameRule.pathSegment, value: InstanceRule.tagValue)
      ?? [:]
    if let value = fields.value("vendorData") {
      guard value.object != nil else {
        throw fields.error("vendorData", "must be a map, not \(value.typeName)")
      }
      guard value.bytes.count <= Limits.maximumVendorDataBytes else {
        throw fields.error(
          "vendorData", "is larger than \(Limits.maximumVendorDataBytes) bytes as JSON")
      }
      vendorData = value
    }
    adminPassword = try fields.string("adminPassword", rule: NameRule.line).map { Secret($0) }
    files =
      try fields.list("files", limit: Limits.maximumFiles) { (value, path) throws(FieldError) in
        try InjectedFile(reading: value, path: path)
      } ?? []
    let total = files.reduce(0) { $0 + $1.content.revealed.count }
    guard total <= Limits.maximumFileBytes else {
      throw fields.error(
        "files", "have \(total) bytes together; at most \(Limits.maximumFileBytes) are allowed")
    }
    injectedNetworkConfig = try fields.string("injectedNetworkConfig") {
      $0.utf8.count <= Limits.maximumVendorDataBytes
        ? nil : "is larger than \(Limits.maximumVendorDataBytes) bytes"
    }
  }

  private mutating func readHardware(_ fields: inout FieldReader) throws(FieldError) {
    securityGroups =
      try fields.strings(
        "securityGroups", limit: Limits.maximumSecurityGroups, rule: NameRule.line) ?? []
    blockDevices =
      try fields.list("blockDevices", limit: Limits.maximumBlockDevices) {
        (value, path) throws(FieldError) in try BlockDevice(reading: value, path: path)
      } ?? []
    if let repeated = blockDevices.map(\.virtual).firstRepeated {
      throw fields.error("blockDevices", "'\(repeated)' is there twice")
    }
    devices =
      try fields.list("devices", limit: Limits.maximumDevices) { (value, path) throws(FieldError) in
        try Device(reading: value, path: path)
      } ?? []
    dedicatedCPUs = try fields.list("dedicatedCpus", limit: Limits.maximumDedicatedCPUs) {
      (value, path) throws(FieldError) in
      guard let cpu = value.integer, (0...65_535).contains(cpu) else {
        throw FieldError(path: path, message: "must be a whole number from 0 to 65535")
      }
      return cpu
    }
    interfaces =
      try fields.list("interfaces", limit: Limits.maximumInterfaces) {
        (value, path) throws(FieldError) in try NetworkInterface(reading: value, path: path)
      } ?? []
  }

  /// A claim that the document makes against itself would be refused by the store with the
  /// document as its own rival; said here, it names the field.
  private func checkAddresses(_ fields: FieldReader) throws(FieldError) {
    let addresses = interfaces.flatMap { interface in
      interface.addresses.map { "\($0.ip) on \(interface.network)" }
    }
    if let repeated = addresses.firstRepeated {
      throw fields.error("interfaces", "the address \(repeated) is there twice")
    }
    let macs = interfaces.compactMap { interface in
      interface.mac.map { "\($0) on \(interface.network)" }
    }
    if let repeated = macs.firstRepeated {
      throw fields.error("interfaces", "the MAC \(repeated) is there twice")
    }
    let names = keys.compactMap { key in
      switch key {
      case .named(let name): name
      case .inline(let name, _, _): name
      }
    }
    if let repeated = names.firstRepeated {
      throw fields.error("keys", "'\(repeated)' is there twice")
    }
  }

  /// The canonical document; reading it again gives the same instance.
  var value: JSONValue {
    var fields = FieldWriter()
    fields.put("kind", "Instance")
    fields.put("id", id.description)
    fields.put("project", project)
    fields.put("user", user)
    fields.put("name", name)
    fields.put("hostname", hostname)
    fields.put("domain", domain)
    fields.put("host", host)
    if launchIndex != 0 { fields.put("launchIndex", launchIndex) }
    fields.put("reservationId", reservationID)
    fields.put("availabilityZone", availabilityZone)
    fields.put("availabilityZoneId", availabilityZoneID)
    fields.put("region", region)
    fields.put("placementGroup", placementGroup)
    fields.put("instanceType", instanceType)
    fields.put("architecture", architecture)
    fields.put("accountId", accountID)
    fields.put("imageId", imageID)
    fields.put("bootRoles", strings: bootRoles)
    fields.put("ec2", ec2.value)
    fields.put("keys", list: keys.map(\.value))
    fields.put(bytes: userData?.revealed, text: "userData", base64: "userDataBase64")
    fields.put("metadata", map: metadata)
    fields.put("tags", map: tags)
    fields.put("vendorData", vendorData)
    fields.put("securityGroups", strings: securityGroups)
    fields.put("blockDevices", list: blockDevices.map(\.value))
    fields.put("devices", list: devices.map(\.value))
    fields.put("dedicatedCpus", dedicatedCPUs.map { .array($0.map { JSONValue($0) }) })
    fields.put("adminPassword", adminPassword?.revealed)
    fields.put("files", list: files.map(\.value))
    fields.put("injectedNetworkConfig", injectedNetworkConfig)
    fields.put("interfaces", list: interfaces.map(\.value))
    fields.put("metadataOptions", declaredMetadataOptions.value)
    return fields.value
  }
}

/// Rules for an instance's own fields, told in the words of the error that breaks them.
enum InstanceRule {
  /// Nova's server metadata allows `[a-zA-Z0-9-_:. ]`; what reaches Nova's database by other ways
  /// has other letters too, and guests get them, so only what breaks a document is refused.
  static func metadataKey(_ text: String) -> String? { NameRule.line(text) }

  static func metadataValue(_ text: String) -> String? {
    NameRule.isWithin(Limits.maximumMetadataCharacters, text)
      ? nil
      : "has \(text.count) characters; at most \(Limits.maximumMetadataCharacters) are allowed"
  }

  static func tagValue(_ text: String) -> String? {
    NameRule.isWithin(Limits.maximumTagValueCharacters, text)
      ? nil
      : "has \(text.count) characters; at most \(Limits.maximumTagValueCharacters) are allowed"
  }

  static func filePath(_ text: String) -> String? {
    guard text.hasPrefix("/"), text.count <= Limits.maximumFilePathCharacters else {
      return "must start with '/' and have at most \(Limits.maximumFilePathCharacters) characters"
    }
    guard !text.split(separator: "/").contains(".."), !text.utf8.contains(0) else {
      return "must not climb with '..'"
    }
    return nil
  }

  static func ec2ID(_ prefix: String) -> (String) -> String? {
    { text in
      NameRule.pathSegment(text)
        ?? (text.hasPrefix(prefix) ? nil : "must start with '\(prefix)'")
    }
  }

  /// `^i-[0-9a-f]{8,32}$`, as EC2's clients check it.
  static func ec2InstanceID(_ text: String) -> String? {
    let digits = text.dropFirst(2)
    guard text.hasPrefix("i-"), (8...32).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ $0.isHexDigit && !(0x41...0x46).contains($0) })
    else { return "must be 'i-' and 8 to 32 digits of 0-9 and a-f" }
    return nil
  }
}

extension Sequence where Element: Hashable {
  /// The first element that was there before.
  var firstRepeated: Element? {
    var seen: Set<Element> = []
    return first { !seen.insert($0).inserted }
  }
}
