/// Makes an image the same for the same files, whoever writes it, when and where.
///
/// libarchive takes the volume's times from the clock and the root's owner from the process, writes
/// times in the local zone, and the label in capitals. All of these stand at fixed places, or in the
/// directories' records, which are gone through once.
struct ISOStamp {
  private(set) var bytes: [UInt8]
  private let label: String
  private var failed = false

  private static let sector = 2048
  /// 16 sectors are left to boot loaders.
  private static let firstDescriptor = 16
  /// Years since 1900, month, day, hour, minute, second, zone: 1980, the first that FAT knows.
  private static let recordTime: [UInt8] = [80, 1, 1, 0, 0, 0, 0]
  private static let volumeTime = Array("1980010100000000".utf8) + [0]

  init(_ bytes: [UInt8], label: String) {
    self.bytes = bytes
    self.label = label
  }

  mutating func apply() throws(DriveError) {
    var sector = ISOStamp.firstDescriptor
    while !failed {
      let start = sector * ISOStamp.sector
      guard Array(read(start + 1, 5)) == Array("CD001".utf8) else {
        throw .notMade("no descriptor")
      }
      switch byte(start) {
      case 1:
        write(Array(label.utf8) + repeatElement(0x20, count: 32 - label.utf8.count), start + 40)
        stampVolume(start)
      case 2: stampVolume(start)
      case 255:
        blankInformation(start + ISOStamp.sector)
        sector = .max
      default: break
      }
      guard sector != .max else { break }
      sector += 1
    }
    guard !failed else { throw .notMade("libarchive's image has another form than expected") }
  }

  /// libarchive's own note behind the descriptors: when it ran, and how it was called.
  private mutating func blankInformation(_ start: Int) {
    guard Array(read(start, 5)) == Array("INFO ".utf8) else { return }
    write([UInt8](repeating: 0, count: ISOStamp.sector), start)
  }

  /// A volume descriptor: what wrote it, its four times (the last two are when it expires and when it
  /// comes into force, which are left unsaid), and its directories.
  private mutating func stampVolume(_ start: Int) {
    let isJoliet = byte(start) == 2
    let blank: [UInt8] = isJoliet ? [0, 0x20] : [0x20, 0x20]
    write(Array(repeatElement(blank, count: 16).joined()), start + 8)
    write(Array(repeatElement(blank, count: 64).joined()), start + 574)
    for offset in [813, 830] { write(ISOStamp.volumeTime, start + offset) }
    for offset in [847, 864] {
      write(Array(repeatElement(UInt8(ascii: "0"), count: 16)) + [0], start + offset)
    }
    write(ISOStamp.recordTime, start + 156 + 18)
    stampDirectory(number(start + 156 + 2), number(start + 156 + 10), isJoliet: isJoliet, depth: 0)
  }

  /// The records of a directory, and of those in it. A record does not cross a sector's end.
  private mutating func stampDirectory(
    _ extent: Int, _ size: Int, isJoliet: Bool, depth: Int
  ) {
    guard depth < 16, size <= bytes.count, extent <= bytes.count / ISOStamp.sector else {
      failed = true
      return
    }
    let start = extent * ISOStamp.sector
    var position = start
    var index = 0
    while position < start + size, !failed {
      let length = Int(byte(position))
      guard length > 0 else {
        position = (position / ISOStamp.sector + 1) * ISOStamp.sector
        continue
      }
      write(ISOStamp.recordTime, position + 18)
      let nameLength = Int(byte(position + 32))
      if !isJoliet {
        // The name is padded to an even length, with the record's fixed part.
        let systemUse = 33 + nameLength + (nameLength + 1) % 2
        stampSystemUse(position + systemUse, length - systemUse, depth: 0)
      }
      // The first two records are the directory itself and its parent.
      if byte(position + 25) & 2 != 0, index > 1 {
        stampDirectory(
          number(position + 2), number(position + 10), isJoliet: isJoliet, depth: depth + 1)
      }
      position += length
      index += 1
    }
  }

  /// Rock Ridge's fields: TF has times, PX mode and owner, CE says where they go on.
  private mutating func stampSystemUse(_ start: Int, _ size: Int, depth: Int) {
    var position = start
    while position + 4 <= start + size, !failed {
      let length = Int(byte(position + 2))
      guard length >= 4, depth < 16 else {
        failed = length != 0 || depth >= 16
        return
      }
      switch Array(read(position, 2)) {
      case Array("TF".utf8):
        // The times have seven bytes each, unless the flags say otherwise; libarchive's do not.
        for time in stride(from: position + 5, to: position + length - 6, by: 7) {
          write(ISOStamp.recordTime, time)
        }
      case Array("PX".utf8): write([UInt8](repeating: 0, count: 16), position + 20)
      case Array("CE".utf8):
        stampSystemUse(
          number(position + 4) * ISOStamp.sector + number(position + 12), number(position + 20),
          depth: depth + 1)
      default: break
      }
      position += length
    }
  }

  // MARK: Bytes

  private mutating func byte(_ offset: Int) -> UInt8 { read(offset, 1).first ?? 0 }

  /// A number as both byte orders have it, of which the first is read.
  private mutating func number(_ offset: Int) -> Int {
    read(offset, 4).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  private mutating func read(_ offset: Int, _ count: Int) -> ArraySlice<UInt8> {
    guard offset >= 0, offset <= bytes.count - count else {
      failed = true
      return []
    }
    return bytes[offset..<(offset + count)]
  }

  private mutating func write(_ new: [UInt8], _ offset: Int) {
    guard offset >= 0, offset <= bytes.count - new.count else {
      failed = true
      return
    }
    bytes.replaceSubrange(offset..<(offset + new.count), with: new)
  }
}
