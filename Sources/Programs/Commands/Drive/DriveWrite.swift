import ArgumentParser
import ConfigDrive
import Dialects
import Foundation
import Inventory
import MetadataService

struct DriveWrite: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "write", abstract: "Writes an instance's drive, or the drives of many.",
    discussion: """
      A drive holds what a guest would ask for, and what no network carries: the administrator's \
      password and the files of the manifest. It is readable by its owner alone, and the same \
      records make the same bytes.

      Examples:
        nameplate drive write ID --output web-1.iso
        nameplate drive write -f web-1.yaml --output web-1.iso
        nameplate drive write ID --nocloud --format vfat --output seed.img
        nameplate drive write --all --directory /var/lib/nameplate/drives
      """)

  @Argument(help: "The instances; with -f none need be named where there is one.")
  var ids: [InstanceID] = []
  @Option(help: "The drive's file.") var output: String?
  @Option(help: "A directory that gets each drive as ID.iso, or ID.img where it is FAT.")
  var directory: String?
  @Flag(help: "The drives of all instances.") var all = false
  @Flag(help: "Replaces what is there even if it is no config drive.") var force = false
  @OptionGroup var drive: DriveOptions
  @OptionGroup var records: RecordSourceOptions

  func validate() throws {
    guard (output == nil) != (directory == nil) else {
      throw ValidationError("say where to: --output FILE for one drive, --directory DIR for many")
    }
    if all && !ids.isEmpty { throw ValidationError("--all and ids exclude each other") }
    if output != nil && (all || ids.count > 1) {
      throw ValidationError("--output takes one drive; use --directory for many")
    }
    if ids.isEmpty && !all && records.file.isEmpty {
      throw ValidationError("name an instance, or --all")
    }
  }

  func run() async throws {
    DriveOptions.forgetZone()
    try await records.withSource { source in
      let ids = try await instances(of: source)
      if let output {
        try await write(one: ids, of: source, to: output)
      } else {
        try await write(ids, of: source, to: directory ?? ".")
      }
    }
  }

  private var writer: DriveWriter { DriveWriter(format: drive.format, replacesAnything: force) }

  private func instances(of source: RecordSource) async throws -> [InstanceID] {
    guard ids.isEmpty else { return ids }
    return try await source.instances().map(\.id).sorted()
  }

  private func write(one ids: [InstanceID], of source: RecordSource, to path: String) async throws {
    guard let id = ids.first, ids.count == 1 else {
      throw ValidationError("the manifest declares \(ids.count) instances; name one")
    }
    let layout = drive.layout
    let files = try await source.drive(layout, of: id)
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
    DriveWriter.tidy(directory)
    let outcome = try await writer.write(DriveImage(layout, files: files), to: path)
    print("\(path) \(outcome.rawValue)")
  }

  private func write(_ ids: [InstanceID], of source: RecordSource, to directory: String)
    async throws
  {
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    DriveWriter.tidy(directory)
    let layout = drive.layout
    let jobs = ids.map { id in
      DriveWriter.Job(name: drive.name(of: id)) {
        DriveImage(layout, files: try await source.drive(layout, of: id))
      }
    }
    var counts: [DriveWriter.Outcome: Int] = [:]
    var failures = 0
    await writer.write(jobs, in: directory) { index, result in
      switch result {
      case .success(let outcome): counts[outcome, default: 0] += 1
      case .failure(let error):
        failures += 1
        Terminal.error("\(ids[index]): \(error)")
      }
      Terminal.progress(counts.values.reduce(failures, +), of: ids.count, "drives")
    }
    let parts = DriveWriter.Outcome.allCases.compactMap { outcome in
      counts[outcome].map { "\($0) \(outcome.rawValue)" }
    }
    print(parts.isEmpty ? "no drive was written" : parts.joined(separator: ", "))
    if failures > 0 { throw ExitCode(1) }
  }
}
