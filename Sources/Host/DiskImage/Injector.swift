/// Writes what an instance's record says into a disk image, without mounting it.
///
/// All is done on a copy. It takes the image's place in one step after it was found sound and to
/// hold what was asked for; whatever fails before leaves the image as it was.
public struct Injector: Sendable {
  private let imagePath: String

  public init(imagePath: String) { self.imagePath = imagePath }

  /// - Parameter isDry: Only says what would be changed.
  public func inject(_ request: InjectionRequest, isDry: Bool = false)
    async throws(DiskImageError) -> InjectionReport
  {
    let image = try ImageFile(imagePath)
    let form = try ImageForm(of: image)
    try image.lock()
    let workspace = try ImageWorkspace(for: image, isDry: isDry)
    defer { workspace.remove() }
    var run = InjectionRun(
      image: image, form: form, workspace: workspace, request: request, isDry: isDry)
    if form == .raw, !isDry {
      // Most of what goes wrong, and that there is nothing to do, shows before anything is copied.
      run.isDry = true
      let report = try await run.inject()
      guard !report.changes.isEmpty else { return report }
      run.isDry = false
    }
    return try await run.inject()
  }
}

/// One injection, from the copy to the exchange.
private struct InjectionRun {
  let image: ImageFile
  let form: ImageForm
  let workspace: ImageWorkspace
  let request: InjectionRequest
  var isDry: Bool

  func inject() async throws(DiskImageError) -> InjectionReport {
    let copy = try await copied()
    if form == .qcow2 { try await Qcow2Disk(tool: workspace.tool).unpack() }
    let (volume, partition) = try await root()
    try await check(volume, "is not sound; run e2fsck on it, or boot it, first")
    let plan = try await InjectionPlan(request, on: volume)
    var report = InjectionReport(
      imagePath: image.path, form: form, place: partition.name, networking: plan.networking,
      changes: plan.changes, notes: plan.notes, wasWritten: false)
    guard !isDry, !plan.changes.isEmpty, let copy else { return report }
    try await apply(plan.changes, to: volume)
    try await check(volume, "would not be sound afterwards; the image is as it was")
    try await verify(volume)
    if form == .qcow2 { try await Qcow2Disk(tool: workspace.tool).pack() }
    try copy.replace()
    report.wasWritten = true
    return report
  }

  /// The file with the raw disk, by its name in the workspace.
  private var file: String {
    switch form {
    case .raw: isDry ? "image" : ImageCopy.name
    case .qcow2: Qcow2Disk.raw
    }
  }

  private func copied() async throws(DiskImageError) -> ImageCopy? {
    if isDry && form == .raw {
      try workspace.link("image", to: image.path)
      return nil
    }
    return try await ImageCopy(of: image, in: workspace)
  }

  private func root() async throws(DiskImageError) -> (ExtVolume, Partition) {
    let disk = try ImageFile(workspace.path(file))
    let search = try RootSearch(of: disk, partition: request.partition)
    let partition = try await search.root(of: file, workspace.tool)
    let volume = ExtVolume(tool: workspace.tool, file: file, offset: partition.offset)
    return (volume, partition)
  }

  private func check(_ volume: ExtVolume, _ verdict: String) async throws(DiskImageError) {
    let problems = try await volume.check()
    guard problems.isEmpty else {
      throw DiskImageError(
        .damaged,
        "the root file system \(verdict). e2fsck: "
          + String(problems.prefix(3).joined(separator: "; ").prefix(400)))
    }
  }

  private func apply(_ changes: [InjectionChange], to volume: ExtVolume)
    async throws(DiskImageError)
  {
    let script = try ChangeScript(changes)
    for file in script.files { try workspace.write(file.name, file.content) }
    try workspace.write("script", Array(script.text.utf8))
    try await volume.run(script: "script")
  }

  /// What is there now is what was asked for: asking again changes nothing.
  private func verify(_ volume: ExtVolume) async throws(DiskImageError) {
    let left = try await InjectionPlan(request, on: volume).changes
    guard let first = left.first else { return }
    throw DiskImageError(
      .damaged, "\(first.path) is not as it was written; the image is as it was")
  }
}
