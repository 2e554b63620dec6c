import OrderedCollections

// An instance as bytes, to be kept by the million in memory and read within a request. It is made from
// a document that was read strictly, and nothing else is ever read from it: documents are the truth,
// in the store and on the wire. Id and user data are kept beside it.

extension Instance {
  /// All but the id and the user data.
  var packed: [UInt8] {
    var out = ByteWriter(capacity: 512)
    packNames(into: &out)
    packData(into: &out)
    packHardware(into: &out)
    return out.bytes.fitted
  }

  /// - Returns: Nil where the bytes are not an instance's.
  init?(id: InstanceID, userData: [UInt8]?, packed: [UInt8]) {
    self.init(id: id, hostname: "")
    self.userData = userData.map { Secret($0) }
    var reader = ByteReader(packed)
    do throws(ByteReader.Malformed) {
      try unpackNames(from: &reader)
      try unpackData(from: &reader)
      try unpackHardware(from: &reader)
    } catch {
      return nil
    }
    guard reader.isAtEnd else { return nil }
  }

  // MARK: Names and places

  private func packNames(into out: inout ByteWriter) {
    out.put(hostname)
    for text in [
      project, user, name, domain, host, reservationID, availabilityZone, availabilityZoneID,
      region, placementGroup, instanceType, architecture, accountID, imageID, ec2.instanceID,
      ec2.amiID, ec2.kernelID, ec2.ramdiskID,
    ] { out.put(text) }
    out.put(launchIndex)
    out.put(list: bootRoles) { $0.put($1) }
  }

  private mutating func unpackNames(from reader: inout ByteReader) throws(ByteReader.Malformed) {
    hostname = try reader.text()
    project = try reader.textIfAny()
    user = try reader.textIfAny()
    name = try reader.textIfAny()
    domain = try reader.textIfAny()
    host = try reader.textIfAny()
    reservationID = try reader.textIfAny()
    availabilityZone = try reader.textIfAny()
    availabilityZoneID = try reader.textIfAny()
    region = try reader.textIfAny()
    placementGroup = try reader.textIfAny()
    instanceType = try reader.textIfAny()
    architecture = try reader.textIfAny()
    accountID = try reader.textIfAny()
    imageID = try reader.textIfAny()
    ec2.instanceID = try reader.textIfAny()
    ec2.amiID = try reader.textIfAny()
    ec2.kernelID = try reader.textIfAny()
    ec2.ramdiskID = try reader.textIfAny()
    launchIndex = Int(clamping: try reader.number())
    bootRoles = try reader.texts()
  }

  // MARK: Data

  private func packData(into out: inout ByteWriter) {
    out.put(list: keys) { out, key in
      switch key {
      case .named(let name):
        out.put(true)
        out.put(name)
      case .inline(let name, let type, let publicKey):
        out.put(false)
        out.put(name)
        out.put(type.rawValue)
        out.put(publicKey)
      }
    }
    for map in [metadata, tags] {
      out.put(list: map.elements) { out, item in
        out.put(item.key)
        out.put(item.value)
      }
    }
    out.put(vendorData) { $0.put($1.bytes) }
    out.put(list: securityGroups) { $0.put($1) }
    out.put(adminPassword?.revealed)
    out.put(list: files) { out, file in
      out.put(file.path)
      out.put(file.content.revealed)
    }
    out.put(injectedNetworkConfig)
    let options = declaredMetadataOptions
    for word in [
      options.httpEndpoint?.rawValue, options.httpTokens?.rawValue,
      options.httpTokensScope?.rawValue, options.instanceMetadataTags?.rawValue,
    ] { out.put(word) }
    out.put(options.httpPutResponseHopLimit) { $0.put($1) }
  }

  private mutating func unpackData(from reader: inout ByteReader) throws(ByteReader.Malformed) {
    for _ in 0..<(try reader.count()) {
      if try reader.flag() {
        keys.append(.named(try reader.text()))
      } else {
        keys.append(
          .inline(
            name: try reader.textIfAny(), type: try reader.word(), publicKey: try reader.text()))
      }
    }
    metadata = try reader.map()
    tags = try reader.map()
    if try reader.flag() {
      guard let value = try? JSONValue(parsing: try reader.blob()) else {
        throw ByteReader.Malformed()
      }
      vendorData = value
    }
    securityGroups = try reader.texts()
    adminPassword = try reader.textIfAny().map { Secret($0) }
    for _ in 0..<(try reader.count()) {
      files.append(
        InjectedFile(path: try reader.text(), content: Secret(try reader.blob())))
    }
    injectedNetworkConfig = try reader.textIfAny()
    declaredMetadataOptions.httpEndpoint = try reader.wordIfAny()
    declaredMetadataOptions.httpTokens = try reader.wordIfAny()
    declaredMetadataOptions.httpTokensScope = try reader.wordIfAny()
    declaredMetadataOptions.instanceMetadataTags = try reader.wordIfAny()
    if try reader.flag() {
      declaredMetadataOptions.httpPutResponseHopLimit = Int(clamping: try reader.number())
    }
  }

  // MARK: Hardware

  private func packHardware(into out: inout ByteWriter) {
    out.put(list: blockDevices) { out, device in
      out.put(device.virtual)
      out.put(device.device)
    }
    out.put(list: devices) { $1.pack(into: &$0) }
    out.put(dedicatedCPUs) { out, cpus in out.put(list: cpus) { $0.put($1) } }
    out.put(list: interfaces) { out, interface in
      out.put(interface.id)
      out.put(interface.network.text)
      out.put(interface.mac) { $0.put($1.bits) }
      out.put(interface.device)
      out.put(list: interface.securityGroups) { $0.put($1) }
      out.put(list: interface.addresses) { out, address in
        out.put(address.ip)
        out.put(list: address.floatingIPs) { $0.put($1) }
      }
    }
  }

  private mutating func unpackHardware(from reader: inout ByteReader)
    throws(ByteReader.Malformed)
  {
    for _ in 0..<(try reader.count()) {
      blockDevices.append(BlockDevice(virtual: try reader.text(), device: try reader.text()))
    }
    for _ in 0..<(try reader.count()) { devices.append(try Device(unpacking: &reader)) }
    if try reader.flag() {
      var cpus: [Int] = []
      for _ in 0..<(try reader.count()) { cpus.append(Int(clamping: try reader.number())) }
      dedicatedCPUs = cpus
    }
    for _ in 0..<(try reader.count()) {
      interfaces.append(try NetworkInterface(unpacking: &reader))
    }
  }
}

extension NetworkInterface {
  fileprivate init(unpacking reader: inout ByteReader) throws(ByteReader.Malformed) {
    id = try reader.textIfAny()
    guard let network = NetworkID(try reader.text()) else { throw ByteReader.Malformed() }
    self.network = network
    mac = try reader.flag() ? MACAddress(bits: try reader.number()) : nil
    device = try reader.textIfAny()
    securityGroups = try reader.texts()
    addresses = []
    for _ in 0..<(try reader.count()) {
      let ip = try reader.address()
      var floatingIPs: [IPAddress] = []
      for _ in 0..<(try reader.count()) { floatingIPs.append(try reader.address()) }
      addresses.append(FixedAddress(ip: ip, floatingIPs: floatingIPs))
    }
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

  fileprivate init(unpacking reader: inout ByteReader) throws(ByteReader.Malformed) {
    type = try reader.word()
    bus = try reader.textIfAny()
    address = try reader.textIfAny()
    mac = try reader.textIfAny()
    shareID = try reader.textIfAny()
    tag = try reader.textIfAny()
    vlan = try reader.flag() ? Int(clamping: try reader.number()) : nil
    vfTrusted = try reader.flag() ? try reader.flag() : nil
    serial = try reader.flag() ? try reader.textIfAny().map(Nullable.text) ?? .null : nil
    path = try reader.flag() ? try reader.textIfAny().map(Nullable.text) ?? .null : nil
    tags = try reader.flag() ? try reader.texts() : nil
  }
}

extension ByteReader {
  fileprivate mutating func texts() throws(Malformed) -> [String] {
    let count = try count()
    guard count > 0 else { return [] }
    var texts: [String] = []
    texts.reserveCapacity(count)
    for _ in 0..<count { texts.append(try text()) }
    return texts
  }

  fileprivate mutating func map() throws(Malformed) -> OrderedDictionary<String, String> {
    var map: OrderedDictionary<String, String> = [:]
    for _ in 0..<(try count()) {
      let key = try text()
      map[key] = try text()
    }
    return map
  }

  fileprivate mutating func word<Word: RawRepresentable<String>>() throws(Malformed) -> Word {
    guard let word = Word(rawValue: try text()) else { throw Malformed() }
    return word
  }

  fileprivate mutating func wordIfAny<Word: RawRepresentable<String>>() throws(Malformed) -> Word? {
    guard let text = try textIfAny() else { return nil }
    guard let word = Word(rawValue: text) else { throw Malformed() }
    return word
  }
}
