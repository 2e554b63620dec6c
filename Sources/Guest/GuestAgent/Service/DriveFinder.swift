import Glibc

/// Finds a config drive among this machine's disks by its label, and mounts it for as long as it is
/// read. Needs root and the kernel's drivers; where they are missing there is no drive.
enum DriveFinder {
  /// Nova's label, and that of a NoCloud seed.
  static let labels = ["config-2", "cidata"]

  enum FileSystem: String {
    case iso9660, vfat
  }

  /// Reads the first drive that has such a label.
  static func read() throws(AgentError) -> InstanceMetadata? {
    for name in blockDevices() {
      let device = "/dev/\(name)"
      guard let system = fileSystem(of: device) else { continue }
      let point = "/run/nameplate-guest-drive"
      guard unsafe mkdir(point, 0o700) == 0 || errno == EEXIST else {
        throw AgentError("cannot make \(point)", errno: errno)
      }
      // MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC.
      guard unsafe mount(device, point, system.rawValue, 1 | 2 | 4 | 8, nil) == 0 else {
        throw AgentError("cannot mount the config drive \(device)", errno: errno)
      }
      defer {
        // MNT_DETACH
        unsafe umount2(point, 2)
        unsafe rmdir(point)
      }
      return try ConfigDrive(path: point, source: "the config drive \(device)").read()
    }
    return nil
  }

  private static func blockDevices() -> [String] {
    guard let folder = unsafe opendir("/sys/class/block") else { return [] }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder), names.count < 256 {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
          unsafe String(cString: $0)
        }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  /// The file system of an unpartitioned device that has the label.
  static func fileSystem(of device: String) -> FileSystem? {
    let descriptor = unsafe open(device, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // ISO 9660's first volume descriptor (ECMA-119, 8.4): identifier at 1, volume's at 40.
    let volume = bytes(descriptor, at: 16 * 2048, count: 72)
    if volume.dropFirst().starts(with: "CD001".utf8), isLabel(volume.dropFirst(40)) {
      return .iso9660
    }
    // FAT's boot sector: the label at 71 (FAT32) or 43, 0x55 0xAA at its end.
    let sector = bytes(descriptor, at: 0, count: 512)
    guard sector.count == 512, sector[510] == 0x55, sector[511] == 0xAA else { return nil }
    return isLabel(sector[43..<54]) || isLabel(sector[71..<82]) ? .vfat : nil
  }

  /// FAT's labels are in capitals where a tool follows its standard.
  private static func isLabel(_ bytes: ArraySlice<UInt8>) -> Bool {
    var bytes = bytes
    while bytes.last == 0x20 || bytes.last == 0 { bytes.removeLast() }
    return labels.contains(String(decoding: bytes, as: UTF8.self).lowercased())
  }

  private static func bytes(_ descriptor: Int32, at offset: Int, count: Int) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: count)
    let read = unsafe pread(descriptor, &buffer, count, offset)
    return Array(buffer.prefix(max(0, read)))
  }
}
