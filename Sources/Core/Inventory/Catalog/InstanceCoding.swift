import OrderedCollections

// How an instance's fields are packed; ``PackedInstance`` reads them. They come from a document that
// was read strictly, and nothing else is ever read from them: documents are the truth, in the store and
// on the wire. Id and user data are kept beside them.

extension PackedFields {
  /// - Parameter knownEC2InstanceID: The record's, declared or not.
  init(_ instance: Instance, knownEC2InstanceID: String?) {
    self.init { field, out in
      field == .knownEC2InstanceID
        ? out.putWhole(knownEC2InstanceID) : instance.pack(field, into: &out)
    }
  }
}

extension Instance {
  /// - Returns: False where there is nothing to pack.
  fileprivate func pack(_ field: PackedFields.Field, into out: inout ByteWriter) -> Bool {
    switch field {
    case .hostname: out.putWhole(hostname)
    case .project: out.putWhole(project)
    case .user: out.putWhole(user)
    case .name: out.putWhole(name)
    case .domain: out.putWhole(domain)
    case .host: out.putWhole(host)
    case .reservationID: out.putWhole(reservationID)
    case .availabilityZone: out.putWhole(availabilityZone)
    case .availabilityZoneID: out.putWhole(availabilityZoneID)
    case .region: out.putWhole(region)
    case .placementGroup: out.putWhole(placementGroup)
    case .instanceType: out.putWhole(instanceType)
    case .architecture: out.putWhole(architecture)
    case .accountID: out.putWhole(accountID)
    case .imageID: out.putWhole(imageID)
    case .ec2InstanceID: out.putWhole(ec2.instanceID)
    case .amiID: out.putWhole(ec2.amiID)
    case .kernelID: out.putWhole(ec2.kernelID)
    case .ramdiskID: out.putWhole(ec2.ramdiskID)
    case .adminPassword: out.putWhole(adminPassword?.revealed)
    case .injectedNetworkConfig: out.putWhole(injectedNetworkConfig)
    default: packParts(field, into: &out)
    }
  }

  private func packParts(_ field: PackedFields.Field, into out: inout ByteWriter) -> Bool {
    switch field {
    case .launchIndex:
      guard launchIndex != 0 else { return false }
      out.put(launchIndex)
      return true
    case .bootRoles: return out.putWhole(list: bootRoles) { $0.put($1) }
    case .keys: return out.putWhole(list: keys) { $1.pack(into: &$0) }
    case .metadata: return out.putWhole(list: metadata.elements) { $0.put(item: $1) }
    case .tags: return out.putWhole(list: tags.elements) { $0.put(item: $1) }
    case .securityGroups: return out.putWhole(list: securityGroups) { $0.put($1) }
    case .metadataOptions: return declaredMetadataOptions.pack(into: &out)
    case .blockDevices:
      return out.putWhole(list: blockDevices) { out, device in
        out.put(device.virtual)
        out.put(device.device)
      }
    case .devices: return out.putWhole(list: devices) { $1.pack(into: &$0) }
    case .dedicatedCPUs:
      guard let dedicatedCPUs else { return false }
      out.put(list: dedicatedCPUs) { $0.put($1) }
      return true
    case .interfaces: return out.putWhole(list: interfaces) { $1.pack(into: &$0) }
    case .vendorData:
      guard let vendorData else { return false }
      out.put(raw: vendorData.bytes)
      return true
    case .files:
      return out.putWhole(list: files) { out, file in
        out.put(file.path)
        out.put(file.content.revealed)
      }
    default: return false
    }
  }
}

extension ByteWriter {
  /// A field that is a text and nothing else.
  fileprivate mutating func putWhole(_ text: String?) -> Bool {
    guard let text else { return false }
    put(raw: text.utf8)
    return true
  }

  fileprivate mutating func putWhole<Element>(
    list: some Collection<Element>, _ put: (inout ByteWriter, Element) -> Void
  ) -> Bool {
    guard !list.isEmpty else { return false }
    self.put(list: list, put)
    return true
  }

  fileprivate mutating func put(item: (key: String, value: String)) {
    put(item.key)
    put(item.value)
  }
}

extension KeyReference {
  fileprivate func pack(into out: inout ByteWriter) {
    switch self {
    case .named(let name):
      out.put(true)
      out.put(name)
    case .inline(let name, let type, let publicKey):
      out.put(false)
      out.put(name)
      out.put(type == .x509)
      out.put(publicKey)
    }
  }

  init(_ packed: PackedKey) {
    switch packed {
    case .named(let name): self = .named(name.string)
    case .inline(let name, let type, let publicKey):
      self = .inline(name: name?.string, type: type, publicKey: publicKey.string)
    }
  }
}

/// A ``KeyReference`` where it is packed.
enum PackedKey {
  case named(ByteText)
  case inline(name: ByteText?, type: KeyPair.KeyType, publicKey: ByteText)

  init(unpacking reader: inout ByteReader) throws(ByteReader.Malformed) {
    self =
      try reader.flag()
      ? .named(try reader.text())
      : .inline(
        name: try reader.textIfAny(), type: try reader.flag() ? .x509 : .ssh,
        publicKey: try reader.text())
  }
}

extension MetadataOptions.Declared {
  fileprivate func pack(into out: inout ByteWriter) -> Bool {
    guard self != MetadataOptions.Declared() else { return false }
    for word in [
      httpEndpoint?.rawValue, httpTokens?.rawValue, httpTokensScope?.rawValue,
      instanceMetadataTags?.rawValue,
    ] { out.put(word) }
    out.put(httpPutResponseHopLimit) { $0.put($1) }
    return true
  }

  init(unpacking reader: inout ByteReader) throws(ByteReader.Malformed) {
    self.init()
    httpEndpoint = try reader.wordIfAny()
    httpTokens = try reader.wordIfAny()
    httpTokensScope = try reader.wordIfAny()
    instanceMetadataTags = try reader.wordIfAny()
    httpPutResponseHopLimit = try reader.ifAny { reader throws(ByteReader.Malformed) in
      Int(clamping: try reader.number())
    }
  }
}

extension NetworkInterface {
  fileprivate func pack(into out: inout ByteWriter) {
    out.put(id)
    out.put(network.text)
    out.put(mac) { $0.put($1.bits) }
    out.put(device)
    out.put(list: securityGroups) { $0.put($1) }
    out.put(list: addresses) { out, address in
      out.put(address.ip)
      out.put(list: address.floatingIPs) { $0.put($1) }
    }
  }

  init(unpacking reader: inout ByteReader) throws(ByteReader.Malformed) {
    id = try reader.textIfAny()?.string
    network = NetworkID(trusted: try reader.text().string)
    mac = try reader.flag() ? MACAddress(bits: try reader.number()) : nil
    device = try reader.textIfAny()?.string
    securityGroups = try reader.list { reader throws(ByteReader.Malformed) in
      try reader.text().string
    }
    addresses = try reader.list { reader throws(ByteReader.Malformed) in
      FixedAddress(
        ip: try reader.address(),
        floatingIPs: try reader.list { reader throws(ByteReader.Malformed) in
          try reader.address()
        })
    }
  }
}

extension NetworkInterface {
  /// One thing that an interface says.
  enum Fact {
    case mac(MACAddress)
    case address(IPAddress)
    case floatingIP(IPAddress)
  }

  /// What is found in the first fact in which something is, where an interface is packed.
  static func firstFact<Result>(
    unpacking reader: inout ByteReader, _ find: (Fact) -> Result?
  ) throws(ByteReader.Malformed) -> Result? {
    _ = try reader.textIfAny()
    _ = try reader.text()
    if try reader.flag(), let found = find(.mac(MACAddress(bits: try reader.number()))) {
      return found
    }
    _ = try reader.textIfAny()
    for _ in 0..<(try reader.count()) { _ = try reader.text() }
    for _ in 0..<(try reader.count()) {
      if let found = find(.address(try reader.address())) { return found }
      for _ in 0..<(try reader.count()) {
        if let found = find(.floatingIP(try reader.address())) { return found }
      }
    }
    return nil
  }
}

extension Device {
  fileprivate func pack(into out: inout ByteWriter) {
    out.put(type.rawValue)
    for text in [bus, address, mac, shareID, tag] { out.put(text) }
    out.put(vlan) { $0.put($1) }
    out.put(vfTrusted) { $0.put($1) }
    for value in [serial, path] {
      out.put(value) { out, value in
        switch value {
        case .null: out.put(nil as String?)
        case .text(let text): out.put(text as String?)
        }
      }
    }
    out.put(tags) { out, tags in out.put(list: tags) { $0.put($1) } }
  }

  init(unpacking reader: inout ByteReader) throws(ByteReader.Malformed) {
    type = try reader.word()
    bus = try reader.textIfAny()?.string
    address = try reader.textIfAny()?.string
    mac = try reader.textIfAny()?.string
    shareID = try reader.textIfAny()?.string
    tag = try reader.textIfAny()?.string
    vlan = try reader.flag() ? Int(clamping: try reader.number()) : nil
    vfTrusted = try reader.flag() ? try reader.flag() : nil
    serial = try reader.ifAny(Device.nullable)
    path = try reader.ifAny(Device.nullable)
    tags =
      try reader.flag()
      ? try reader.list { reader throws(ByteReader.Malformed) in try reader.text().string } : nil
  }

  private static func nullable(
    unpacking reader: inout ByteReader
  ) throws(ByteReader.Malformed) -> Nullable {
    try reader.textIfAny().map { .text($0.string) } ?? .null
  }
}
