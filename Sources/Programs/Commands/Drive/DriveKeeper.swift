import ConfigDrive
import ControlAPI
import ControlClient
import Dialects
import Foundation
import Inventory
import MetadataService

/// The drives of one directory, and what they should be.
struct DriveKeeper {
  let directory: String
  let options: DriveOptions
  /// Whether instances without a drive get one.
  let makes: Bool
  /// Whether drives without an instance go.
  let deletes: Bool

  /// A drive that is or should be there.
  private struct Drive {
    var id: InstanceID
    var name: String
    var format: DriveFormat
    var layout: DriveLayout
  }

  /// Looks at the drives of these instances, or of all, and writes those that are not as they should
  /// be. What it does is said on standard output, what it cannot do on standard error.
  /// - Returns: Whose drives are not as they should be.
  func refresh(_ only: Set<InstanceID>? = nil, asking client: ControlClient) async throws
    -> Set<InstanceID>
  {
    if let only, only.isEmpty { return [] }
    let declared: Set<InstanceID>
    if let only, only.count == 1, let id = only.first {
      declared = try await isDeclared(id, client) ? [id] : []
    } else {
      // No key path: Swift's runtime copies overlapping memory at one of this shape.
      declared = Set(try await client.listAll(.instance).compactMap { $0.resource.instance?.id })
    }
    var failed: Set<InstanceID> = []
    var drives: [Drive] = []
    for drive in present(only) {
      if declared.contains(drive.id) {
        drives.append(drive)
      } else if !retire(drive) {
        failed.insert(drive.id)
      }
    }
    if makes {
      let have = Set(drives.map(\.id))
      for id in declared.subtracting(have).sorted() where only?.contains(id) ?? true {
        drives.append(
          Drive(
            id: id, name: options.name(of: id), format: options.format, layout: options.layout))
      }
    }
    for format in DriveFormat.allCases {
      let some = drives.filter { $0.format == format }
      failed.formUnion(await write(some, as: format, asking: client))
    }
    return failed
  }

  private func isDeclared(_ id: InstanceID, _ client: ControlClient) async throws -> Bool {
    do throws(ControlClientError) {
      _ = try await client.get(ResourceID(kind: .instance, text: id.description))
      return true
    } catch {
      if case .problem(let problem) = error, problem.kind == .notFound { return false }
      throw error
    }
  }

  /// The drives that are there, each with the layout that its label tells.
  private func present(_ only: Set<InstanceID>?) -> [Drive] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.sorted().compactMap { name in
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, let id = InstanceID(String(parts[0])), id.description == parts[0],
        DriveFormat.allCases.contains(where: { $0.fileExtension == parts[1] }),
        only?.contains(id) ?? true
      else { return nil }
      switch DrivePlace(at: "\(directory)/\(name)") {
      case .drive(let format, let label):
        let layout =
          label == DriveLayout.noCloud.label
          ? .noCloud : options.layout == .noCloud ? .openStackAndEC2 : options.layout
        return Drive(id: id, name: name, format: format, layout: layout)
      case .empty: return nil
      case .other(let what):
        Terminal.error("\(name) is \(what), not a config drive; it is left alone")
        return nil
      }
    }
  }

  private func retire(_ drive: Drive) -> Bool {
    guard deletes else {
      Terminal.write("\(drive.name): its instance is declared no more; --delete removes it\n")
      return true
    }
    do {
      try FileManager.default.removeItem(atPath: "\(directory)/\(drive.name)")
    } catch {
      Terminal.error("\(drive.name) cannot be deleted: \(error.localizedDescription)")
      return false
    }
    Output.line("\(drive.name) deleted")
    return true
  }

  private func write(_ drives: [Drive], as format: DriveFormat, asking client: ControlClient)
    async -> Set<InstanceID>
  {
    let jobs = drives.map { drive in
      DriveWriter.Job(name: drive.name) {
        DriveImage(drive.layout, files: try await client.drive(drive.layout, of: drive.id).files)
      }
    }
    var failed: Set<InstanceID> = []
    await DriveWriter(format: format).write(jobs, in: directory) { index, result in
      switch result {
      case .success(.unchanged): break
      case .success(let outcome): Output.line("\(drives[index].name) \(outcome.rawValue)")
      case .failure(let error):
        failed.insert(drives[index].id)
        Terminal.error("\(drives[index].name): \(error)")
      }
    }
    return failed
  }
}
