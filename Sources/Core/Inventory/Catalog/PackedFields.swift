/// An instance's fields in one block of bytes, of which each can be read without the others: a bit for
/// each field that is there and how many these are, where each of them ends, then their values.
struct PackedFields: Sendable {
  let bytes: [UInt8]

  private static let bitsBytes = MemoryLayout<UInt64>.size
  private static let endBytes = MemoryLayout<UInt32>.size
  /// Above the fields' bits: to count bits takes longer.
  private static let countShift: UInt64 = 56

  /// Fields that instances have, in the order in which they are packed.
  enum Field: UInt8, CaseIterable {
    case hostname, project, user, name, domain, host, launchIndex, reservationID
    case availabilityZone, availabilityZoneID, region, placementGroup, instanceType, architecture
    case accountID, imageID, bootRoles, ec2InstanceID, amiID, kernelID, ramdiskID
    case knownEC2InstanceID
    case keys, metadata, tags, securityGroups, metadataOptions
    case blockDevices, devices, dedicatedCPUs, interfaces
    case vendorData, adminPassword, files, injectedNetworkConfig
  }

  /// - Parameter put: Writes a field's value, or says that there is none.
  init(_ put: (Field, inout ByteWriter) -> Bool) {
    var present: UInt64 = 0
    var ends: [UInt32] = []
    var values = ByteWriter(capacity: 512)
    for field in Field.allCases where put(field, &values) {
      present |= UInt64(1) << UInt64(field.rawValue)
      ends.append(UInt32(clamping: values.bytes.count))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(
      PackedFields.bitsBytes + ends.count * PackedFields.endBytes + values.bytes.count)
    PackedFields.append(present | UInt64(ends.count) << PackedFields.countShift, to: &bytes)
    for end in ends { PackedFields.append(end, to: &bytes) }
    bytes += values.bytes
    self.bytes = bytes.fitted
  }

  private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
    unsafe withUnsafeBytes(of: number) { unsafe bytes.append(contentsOf: $0) }
  }

  /// Where the bytes are in memory, with what Swift keeps before them.
  var address: UInt {
    let headerBytes: UInt = 32
    return unsafe bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) &- headerBytes }
  }

  /// Where a field's value stands; nil where it has none.
  func range(of field: Field) -> Range<Int>? {
    guard bytes.count >= PackedFields.bitsBytes else { return nil }
    return unsafe bytes.withUnsafeBytes { bytes in
      let present = unsafe bytes.loadUnaligned(as: UInt64.self)
      let bit = UInt64(1) << UInt64(field.rawValue)
      guard present & bit != 0 else { return nil }
      let table = PackedFields.bitsBytes
      let values = table + Int(present >> PackedFields.countShift) * PackedFields.endBytes
      guard values <= bytes.count else { return nil }
      let place = table + (present & (bit - 1)).nonzeroBitCount * PackedFields.endBytes
      let end = unsafe values + Int(bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
      var start = values
      if place > table {
        start += unsafe Int(
          bytes.loadUnaligned(fromByteOffset: place - PackedFields.endBytes, as: UInt32.self))
      }
      guard start <= end, end <= bytes.count else { return nil }
      return start..<end
    }
  }

  /// A text; nil where there is none.
  func text(_ field: Field) -> ByteText? {
    range(of: field).map { ByteText(bytes, in: $0) }
  }

  /// A value of several parts.
  /// - Returns: Nil where there is none, or bytes that no writer has written.
  func value<Value>(
    _ field: Field, _ read: (inout ByteReader) throws(ByteReader.Malformed) -> Value
  ) -> Value? {
    guard let range = range(of: field) else { return nil }
    var reader = ByteReader(bytes, in: range)
    do throws(ByteReader.Malformed) {
      return try read(&reader)
    } catch {
      return nil
    }
  }

  /// What is found in the first value, of those one after another, in which something is.
  /// - Parameter find: Reads all of a value in which it finds nothing.
  func first<Result>(
    _ field: Field, _ find: (inout ByteReader) throws(ByteReader.Malformed) -> Result?
  ) -> Result? {
    let found: Result?? = value(field) { reader throws(ByteReader.Malformed) in
      for _ in 0..<(try reader.count()) {
        if let result = try find(&reader) { return result }
      }
      return nil
    }
    return found ?? nil
  }

  /// Values one after another; none where there are none.
  func list<Element>(
    _ field: Field, _ read: (inout ByteReader) throws(ByteReader.Malformed) -> Element
  ) -> [Element] {
    value(field) { reader throws(ByteReader.Malformed) in try reader.list(read) } ?? []
  }
}
