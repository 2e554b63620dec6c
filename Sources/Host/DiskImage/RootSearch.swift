/// Finds the root file system of a disk.
struct RootSearch {
  /// Partitions, or the whole disk, that hold an ext file system which may be written to.
  let candidates: [Partition]

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
    var candidates: [Partition] = []
    var others: [String] = []
    var refusal: DiskImageError?
    for partition in partitions {
      switch try FileSystem(at: partition, of: disk) {
      case .ext(let superblock):
        do {
          try superblock.check(partition)
          candidates.append(partition)
        } catch { refusal = error }
      case .other(let name): others.append("\(partition.name): \(name)")
      case .none: break
      }
    }
    if candidates.isEmpty {
      throw refusal ?? RootSearch.nothing(others)
    }
    self.candidates = candidates
  }

  private static func nothing(_ others: [String]) -> DiskImageError {
    guard !others.isEmpty else {
      return DiskImageError(
        .noRoot, "no file system was found in the image; is it a disk that a guest boots from?")
    }
    return DiskImageError(
      .noRoot,
      "there is no ext2, ext3 or ext4 file system, which is all that is written to here ("
        + others.joined(separator: ", ") + "). For others use libguestfs: "
        + "virt-customize -a IMAGE --hostname NAME --ssh-inject USER:file:KEYS")
  }

  /// The one that has what a root file system has.
  func root(of file: String, _ tool: ImageTool) async throws(DiskImageError) -> Partition {
    var roots: [Partition] = []
    var refusal: DiskImageError?
    for partition in candidates {
      let tree = GuestTree(ExtVolume(tool: tool, file: file, offset: partition.offset))
      do {
        let etc = try await tree.find(GuestPath(["etc"])).node
        if etc != nil { roots.append(partition) }
      } catch { refusal = error }
    }
    guard let root = roots.first else {
      throw refusal
        ?? DiskImageError(
          .noRoot,
          "no root file system: \(candidates.map(\.name).joined(separator: ", ")) has no /etc")
    }
    guard roots.count == 1 else {
      throw DiskImageError(
        .noRoot,
        "\(roots.map(\.name).joined(separator: " and ")) could each be the root file system; "
          + "say which one with --partition NUMBER")
    }
    return root
  }
}
