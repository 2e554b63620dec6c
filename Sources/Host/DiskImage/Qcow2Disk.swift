/// A qcow2 image's copy, and the disk in it as a raw file that file system tools can work on.
///
/// The image itself keeps its form: what differs between the raw file and the copy is found by
/// qemu-img, cluster by cluster, and only that is written.
struct Qcow2Disk {
  static let raw = "raw"
  private static let delta = "delta"

  let tool: ImageTool

  /// Unpacks the copy into ``raw``.
  func unpack() async throws(DiskImageError) {
    let output = try await tool.run(
      "qemu-img", ["convert", "-q", "-f", "qcow2", "-O", "raw", ImageCopy.name, Qcow2Disk.raw])
    guard output.status == 0 else {
      throw DiskImageError(
        .damaged, "qemu-img cannot read the image: \(Qcow2Disk.said(output))")
    }
  }

  /// Brings what was changed in ``raw`` into the copy.
  func pack() async throws(DiskImageError) {
    let delta = Qcow2Disk.delta
    try await tool.require(
      "qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", Qcow2Disk.raw, delta])
    // A safe rebase writes those clusters into the delta in which its two backing files differ.
    try await tool.require(
      "qemu-img", ["rebase", "-q", "-f", "qcow2", "-F", "qcow2", "-b", ImageCopy.name, delta])
    try await tool.require("qemu-img", ["commit", "-q", "-f", "qcow2", delta])
    try await verify()
  }

  private func verify() async throws(DiskImageError) {
    for arguments in [
      ["compare", "-q", "-f", "qcow2", "-F", "raw", ImageCopy.name, Qcow2Disk.raw],
      ["check", "-q", "-f", "qcow2", ImageCopy.name],
    ] {
      let output = try await tool.run("qemu-img", arguments)
      guard output.status == 0 else {
        throw DiskImageError(
          .damaged,
          "the new qcow2 image is not what it should be (qemu-img \(arguments[0]) "
            + "\(output.status): \(Qcow2Disk.said(output)))")
      }
    }
  }

  private static func said(_ output: ImageTool.Output) -> String {
    String(output.complaints.prefix(2).joined(separator: "; ").prefix(300))
  }
}
