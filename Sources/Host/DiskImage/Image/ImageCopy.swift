import Glibc

/// An image's copy, on its way to take the image's place.
struct ImageCopy {
  static let name = "disk"

  let image: ImageFile
  let workspace: ImageWorkspace

  /// Copies what the open image holds: shared where the host's file system can, else only what is
  /// not a hole.
  init(of image: ImageFile, in workspace: ImageWorkspace) async throws(DiskImageError) {
    self.image = image
    self.workspace = workspace
    // By its descriptor, not its name: this is the file that was looked at.
    let source = "/proc/\(getpid())/fd/\(image.descriptor)"
    let tool = workspace.tool
    let all = ["--preserve=all", "--", source, ImageCopy.name]
    if try await tool.run("cp", ["--reflink=always"] + all).status == 0 { return }
    workspace.remove(ImageCopy.name)
    try checkSpace()
    try await tool.require("cp", ["--reflink=never", "--sparse=auto"] + all)
  }

  private func checkSpace() throws(DiskImageError) {
    var facts = statvfs()
    guard unsafe statvfs(workspace.folder, &facts) == 0 else { return }
    let (free, overflow) = UInt64(facts.f_bavail).multipliedReportingOverflow(
      by: UInt64(facts.f_frsize))
    guard overflow || Int64(clamping: free) > image.allocatedBytes else {
      throw DiskImageError(
        .host,
        "the copy that is worked on needs \(image.allocatedBytes) bytes beside the image, and "
          + "\(free) are free")
    }
  }

  /// Puts the copy in the image's place. Whoever looks finds the old image or the new one, whole.
  func replace() throws(DiskImageError) {
    let copy = workspace.path(ImageCopy.name)
    let descriptor = unsafe open(copy, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { throw failed("cannot be opened") }
    defer { close(descriptor) }
    try adopt(descriptor)
    guard fsync(descriptor) == 0 else { throw failed("does not reach the disk") }
    try checkUnchanged()
    guard unsafe rename(copy, image.path) == 0 else { throw failed("cannot take its place") }
    // The name must be on the disk, too.
    let parent = unsafe open(workspace.folder + "/..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if parent >= 0 {
      fsync(parent)
      close(parent)
    }
  }

  /// Owner and mode are the image's. cp has set what it may.
  private func adopt(_ descriptor: Int32) throws(DiskImageError) {
    var facts = stat()
    guard unsafe fstat(descriptor, &facts) == 0 else { throw failed("cannot be read") }
    if facts.st_uid != image.owner || facts.st_gid != image.group {
      guard fchown(descriptor, image.owner, image.group) == 0 else {
        throw DiskImageError(
          .host,
          "the new image would not belong to user \(image.owner) and group \(image.group) as "
            + "the old one does; run this as that user or as root")
      }
    }
    guard fchmod(descriptor, image.mode) == 0 else { throw failed("takes no mode") }
  }

  /// Nobody has put another file, or other content, under the image's name meanwhile.
  private func checkUnchanged() throws(DiskImageError) {
    var then = stat()
    var now = stat()
    guard unsafe fstat(image.descriptor, &then) == 0, unsafe lstat(image.path, &now) == 0,
      then.st_ino == now.st_ino, then.st_dev == now.st_dev, image.hasOpeningTime(now)
    else {
      throw DiskImageError(
        .inUse, "'\(image.path)' was changed by somebody else meanwhile; nothing was written")
    }
  }

  private func failed(_ what: String) -> DiskImageError {
    DiskImageError(.host, "the new image \(what): \(ImageFile.lastError)")
  }
}
