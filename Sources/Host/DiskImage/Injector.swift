/// Writes what an instance's record says into a disk image, without mounting it.
///
/// All is done on a copy. It takes the image's place in one step after it was found sound and to
/// hold what was asked for; whatever fails before leaves the image as it was.
public struct Injector: Sendable {
  private let imagePath: String
  private let progress: @Sendable (String) -> Void
  /// What libguestfs is told beside this process's own environment.
  var environment: [String: String] = [:]

  /// - Parameter progress: Is told what takes long, in a sentence.
  public init(imagePath: String, progress: @escaping @Sendable (String) -> Void = { _ in }) {
    self.imagePath = imagePath
    self.progress = progress
  }

  /// - Parameter isDry: Only says what would be changed.
  public func inject(_ request: InjectionRequest, isDry: Bool = false)
    async throws(DiskImageError) -> InjectionReport
  {
    let image = try ImageFile(imagePath)
    let form = try ImageForm(of: image)
    try image.lock()
    let workspace = try ImageWorkspace(for: image, isDry: isDry)
    defer { workspace.remove() }
    return try await InjectionRun(
      image: image, form: form, workspace: workspace, request: request, isDry: isDry,
      progress: progress, environment: environment
    ).inject()
  }
}

/// One injection, from the copy to the exchange.
private struct InjectionRun: Sendable {
  let image: ImageFile
  let form: ImageForm
  let workspace: ImageWorkspace
  let request: InjectionRequest
  let isDry: Bool
  let progress: @Sendable (String) -> Void
  let environment: [String: String]

  func inject() async throws(DiskImageError) -> InjectionReport {
    if form == .raw {
      // Most of what goes wrong, and that there is nothing to do, shows before anything is copied.
      if let report = try await look(), isDry || report.changes.isEmpty { return report }
    }
    let copy = try await ImageCopy(of: image, in: workspace)
    if form == .qcow2 { try await Qcow2Disk(tool: workspace.tool).unpack() }
    let file = form == .qcow2 ? Qcow2Disk.raw : ImageCopy.name
    let search = try search(file)
    var report: InjectionReport
    if let root = try await search.extRoot(of: file, in: workspace) {
      report = try await inject(into: root, isDry: isDry)
    } else {
      report = try await inject(with: search, file, isDry: isDry)
    }
    guard !isDry, !report.changes.isEmpty else { return report }
    if form == .qcow2 { try await Qcow2Disk(tool: workspace.tool).pack() }
    try copy.replace()
    report.wasWritten = true
    return report
  }

  /// What would be changed in the image as it is; nil where finding that out takes as long as the
  /// change, and was not asked for.
  private func look() async throws(DiskImageError) -> InjectionReport? {
    let file = "image"
    try workspace.link(file, to: image.path)
    let search = try search(file)
    if let root = try await search.extRoot(of: file, in: workspace) {
      return try await inject(into: root, isDry: true)
    }
    guard isDry else { return nil }
    // QEMU makes the same claim.
    image.unlock()
    return try await inject(with: search, file, isDry: true)
  }

  private func search(_ file: String) throws(DiskImageError) -> RootSearch {
    try RootSearch(of: try ImageFile(workspace.path(file)), partition: request.partition)
  }

  /// In a file system that only libguestfs knows. Once this returns, all is in the file.
  private func inject(with search: RootSearch, _ file: String, isDry: Bool)
    async throws(DiskImageError) -> InjectionReport
  {
    let report = try await Guestfish.run(
      on: file, isReadOnly: isDry, in: workspace, environment: environment,
      willLaunch: {
        progress(
          "starting libguestfs's virtual machine (\(search.description)); without KVM this takes up "
            + "to a minute")
      }
    ) { guestfish throws(DiskImageError) in
      let root = try await search.root(with: guestfish)
      return try await inject(into: root, isDry: isDry)
    }
    guard let report else { throw search.missing }
    return report
  }

  private func inject(into root: RootSearch.Root, isDry: Bool) async throws(DiskImageError)
    -> InjectionReport
  {
    let volume = root.volume
    try await check(volume, "is not sound; have it repaired, or boot it, first")
    let plan = try await InjectionPlan(request, on: volume)
    let report = InjectionReport(
      imagePath: image.path, form: form, place: root.place, networking: plan.networking,
      changes: plan.changes, notes: plan.notes, wasWritten: false)
    guard !isDry, !plan.changes.isEmpty else { return report }
    try await volume.apply(plan.changes)
    try await check(volume, "would not be sound afterwards; the image is as it was")
    try await verify(volume)
    return report
  }

  private func check(_ volume: any GuestVolume, _ verdict: String) async throws(DiskImageError) {
    let problems = try await volume.check()
    guard problems.isEmpty else {
      throw DiskImageError(
        .damaged,
        "the root file system \(verdict). \(volume.checker): "
          + String(problems.prefix(3).joined(separator: "; ").prefix(400)))
    }
  }

  /// What is there now is what was asked for: asking again changes nothing.
  private func verify(_ volume: any GuestVolume) async throws(DiskImageError) {
    let left = try await InjectionPlan(request, on: volume).changes
    guard let first = left.first else { return }
    throw DiskImageError(
      .damaged, "\(first.path) is not as it was written; the image is as it was")
  }
}
