/// Finds the root file system of a disk.
struct RootSearch {
  /// A file system that was found to be the root.
  struct Root {
    let volume: any GuestVolume
    /// Where it is, in words.
    let place: String
  }

  /// Partitions, or the whole disk, that hold an ext file system which may be written to.
  private var candidates: [Partition] = []
  /// Those that libguestfs's kernel may know, and all other file systems, in words.
  private var others: [Partition] = []
  private var names: [String] = []
  private var hasVolumeGroups = false
  /// Why an ext file system may not be written to.
  private var refusal: DiskImageError?

  /// - Parameter wanted: The partition's number, where the operator knows it.
  init(of disk: ImageFile, partition wanted: Int?) throws(DiskImageError) {
    var partitions = try PartitionTable(of: disk).partitions
    if partitions.isEmpty {
      partitions = [Partition(number: nil, offset: 0, sizeBytes: disk.sizeBytes)]
    }
    if let wanted {
      partitions = partitions.filter { $0.number == wanted }
      guard !partitions.isEmpty else {
        throw DiskImageError(.request, "the disk has no partition \(wanted)")
      }
    }
    for partition in partitions {
      switch try FileSystem(at: partition, of: disk) {
      case .ext(let superblock):
        do {
          try superblock.check(partition)
          candidates.append(partition)
        } catch { refusal = error }
      case .mountable(let name):
        others.append(partition)
        names.append("\(partition.name): \(name)")
      case .volumeGroup(let name):
        hasVolumeGroups = true
        names.append("\(partition.name): \(name)")
      case .other(let name): names.append("\(partition.name): \(name)")
      case .none: break
      }
    }
    if candidates.isEmpty, let refusal { throw refusal }
    guard !candidates.isEmpty || hasOthers else { throw nothing }
  }

  /// Whether there is what only libguestfs can look into.
  private var hasOthers: Bool { !others.isEmpty || hasVolumeGroups }

  private var nothing: DiskImageError {
    guard !names.isEmpty else {
      return DiskImageError(
        .noRoot, "no file system was found in the image; is it a disk that a guest boots from?")
    }
    return DiskImageError(
      .noRoot,
      "there is no file system that is written to here (\(names.joined(separator: ", ")))")
  }

  /// What is said where libguestfs is needed, and not there.
  var missing: DiskImageError {
    DiskImageError(
      .noRoot,
      "there is no root file system of ext2, ext3 or ext4 (\(names.joined(separator: ", "))). "
        + "Others are written to with guestfish, which is not installed (on Debian: apt install "
        + "guestfish libguestfs-xfs, and linux-image-amd64 where /boot has no kernel)")
  }

  /// What is looked at with libguestfs, in words.
  var description: String { names.joined(separator: ", ") }

  // MARK: Candidates

  /// The ext file system that has what a root file system has; nil where none has, and others are
  /// there.
  func extRoot(of file: String, in workspace: ImageWorkspace) async throws(DiskImageError) -> Root?
  {
    var roots: [Root] = []
    var refusal = refusal
    for partition in candidates {
      let volume = ExtVolume(workspace, file: file, offset: partition.offset)
      do {
        if try await RootSearch.isRoot(volume) {
          roots.append(Root(volume: volume, place: partition.name))
        }
      } catch { refusal = error }
    }
    if roots.isEmpty, hasOthers, refusal == nil { return nil }
    return try RootSearch.only(roots, of: candidates.map(\.name), refusal)
  }

  /// The same with libguestfs, among the others; ext file systems too, where they are in a volume
  /// group.
  func root(with guestfish: Guestfish) async throws(DiskImageError) -> Root {
    var devices = others.map { partition in
      (device: "/dev/sda" + (partition.number.map(String.init) ?? ""), name: partition.name)
    }
    if hasVolumeGroups {
      let volumes = try await guestfish.run("lvs")
      guard volumes.count <= PartitionTable.maximumPartitions else {
        throw DiskImageError(.unsupported, "the disk has \(volumes.count) logical volumes")
      }
      devices += volumes.map { ($0, "logical volume \($0)") }
    }
    var roots: [Root] = []
    var refusal: DiskImageError?
    for (device, name) in devices {
      let type = try await guestfish.ask("vfs-type", device).first ?? ""
      guard let kind = GuestfishVolume.Kind(rawValue: type) else { continue }
      let volume = GuestfishVolume(guestfish, device: device, kind: kind, at: name)
      do {
        try await volume.open()
        if try await RootSearch.isRoot(volume) {
          roots.append(Root(volume: volume, place: volume.name))
        }
        try await volume.close()
      } catch { refusal = refusal ?? error }
    }
    return try RootSearch.only(roots, of: names, refusal)
  }

  private static func isRoot(_ volume: some GuestVolume) async throws(DiskImageError) -> Bool {
    try await GuestTree(volume).find(GuestPath(["etc"])).node != nil
  }

  private static func only(_ roots: [Root], of names: [String], _ refusal: DiskImageError?)
    throws(DiskImageError) -> Root
  {
    guard let root = roots.first else {
      throw refusal
        ?? DiskImageError(
          .noRoot, "no root file system: \(names.joined(separator: ", ")) has no /etc")
    }
    guard roots.count == 1 else {
      throw DiskImageError(
        .noRoot,
        "\(roots.map(\.place).joined(separator: " and ")) could each be the root file system; "
          + "say which one with --partition NUMBER")
    }
    return root
  }
}
