import Glibc

/// Writes drives: whole, flushed, readable by their owner alone.
public struct DriveWriter: Sendable {
  public var format: DriveFormat
  /// Whether anything that stands in a drive's place may go.
  public var replacesAnything: Bool

  public init(format: DriveFormat, replacesAnything: Bool = false) {
    self.format = format
    self.replacesAnything = replacesAnything
  }

  /// What became of a drive.
  public enum Outcome: String, Sendable, CaseIterable {
    case created
    case replaced
    /// The drive that stands there has the same bytes already.
    case unchanged
  }

  /// Writes one drive. When it returns, the drive is on disk; whatever happens before, the old one
  /// is.
  @discardableResult
  public func write(_ image: DriveImage, to path: String) async throws(DriveError) -> Outcome {
    guard let drive = try await prepare(image, at: path) else { return .unchanged }
    try drive.file.flush()
    try drive.file.rename()
    try NewFile.flushDirectory(of: path)
    return drive.outcome
  }

  /// Takes away what writers that were killed have left in a directory.
  public static func tidy(_ directory: String) { NewFile.tidy(directory) }

  /// A drive that is written but not in its place.
  private struct Prepared: Sendable {
    let file: NewFile
    let outcome: Outcome
  }

  /// Nil where the drive that stands there is the same.
  private func prepare(_ image: DriveImage, at path: String) async throws(DriveError) -> Prepared? {
    let place = DrivePlace(at: path)
    if case .other(let what) = place, !replacesAnything {
      throw .occupied(path: path, what: what)
    }
    let file = try NewFile(for: path)
    switch format {
    case .iso9660: try file.write(ISOImage.bytes(of: image))
    case .vfat:
      let staging = try StagingDirectory(for: path)
      try await VFATImage.write(image, to: file.path, staging: staging.path)
    }
    guard place == .empty || !file.hasSameBytes(as: path) else { return nil }
    return Prepared(file: file, outcome: place == .empty ? .created : .replaced)
  }
}

// MARK: - Many

extension DriveWriter {
  /// A drive among many.
  public struct Job: Sendable {
    /// Its name in the directory.
    public var name: String
    public var image: @Sendable () async throws -> DriveImage

    public init(name: String, image: @escaping @Sendable () async throws -> DriveImage) {
      self.name = name
      self.image = image
    }
  }

  /// Drives that are flushed together. Each holds a file open until then.
  private static let batch = 256

  /// Writes many drives into one directory, several at a time. They are flushed a batch at a time,
  /// and only then put in their places, so that each is the old one or the new one here too.
  /// - Parameter done: Is told what became of each job, by its index.
  public func write(
    _ jobs: [Job], in directory: String,
    done: (_ index: Int, Result<Outcome, any Error>) -> Void
  ) async {
    for start in stride(from: 0, to: jobs.count, by: DriveWriter.batch) {
      let indices = start..<min(start + DriveWriter.batch, jobs.count)
      var prepared: [(index: Int, drive: Prepared)] = []
      for (index, result) in await prepare(jobs, indices, in: directory) {
        switch result {
        case .success(let drive?): prepared.append((index, drive))
        case .success(nil): done(index, .success(.unchanged))
        case .failure(let error): done(index, .failure(error))
        }
      }
      guard !prepared.isEmpty else { continue }
      do {
        try NewFile.flushFileSystem(of: directory)
        for (_, drive) in prepared { try drive.file.rename() }
        try NewFile.flushDirectory(of: "\(directory)/.")
        for (index, drive) in prepared { done(index, .success(drive.outcome)) }
      } catch {
        for (index, _) in prepared { done(index, .failure(error)) }
      }
    }
  }

  /// As many at a time as there are processors.
  private func prepare(_ jobs: [Job], _ indices: Range<Int>, in directory: String) async
    -> [(index: Int, result: Result<Prepared?, any Error>)]
  {
    await withTaskGroup(of: (Int, Result<Prepared?, any Error>).self) { group in
      var waiting = indices.makeIterator()
      let start = { (group: inout TaskGroup<(Int, Result<Prepared?, any Error>)>) in
        guard let index = waiting.next() else { return }
        group.addTask {
          do {
            let image = try await jobs[index].image()
            let path = "\(directory)/\(jobs[index].name)"
            return (index, .success(try await self.prepare(image, at: path)))
          } catch {
            return (index, .failure(error))
          }
        }
      }
      for _ in 0..<max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN))) { start(&group) }
      var results: [(index: Int, result: Result<Prepared?, any Error>)] = []
      while let (index, result) = await group.next() {
        results.append((index, result))
        start(&group)
      }
      return results.sorted { $0.index < $1.index }
    }
  }
}
