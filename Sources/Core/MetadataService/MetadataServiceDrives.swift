public import Dialects
public import Inventory

/// A drive's files, and the catalogue's revision that they are of.
public struct RenderedDrive: Sendable, Hashable {
  public var layout: DriveLayout
  public var revision: Revision
  public var files: [DriveFile]

  public init(layout: DriveLayout, revision: Revision, files: [DriveFile]) {
    self.layout = layout
    self.revision = revision
    self.files = files
  }
}

/// Why a drive cannot be rendered.
public enum DriveRefusal: Error, Sendable, Hashable, CustomStringConvertible {
  case tooLarge(DriveTooLarge)
  case vendorDataFailed(target: String)

  public var description: String {
    switch self {
    case .tooLarge(let error): error.description
    case .vendorDataFailed(let target): "the vendor data target '\(target)' gave no answer"
    }
  }
}

extension MetadataService {
  /// The drive of an instance; nil where it is not declared.
  ///
  /// Dynamic vendor data is asked for anew: what is written is read for a long time.
  public func drive(_ layout: DriveLayout, of id: InstanceID) async throws(DriveRefusal)
    -> RenderedDrive?
  {
    let (found, revision) = catalog.read { ($0.view(of: id), $0.revision) }
    guard let view = found else { return nil }
    let needs = DriveContents.needs(of: layout)
    if needs.contains(.dynamicVendorData), let failed = await vendorData?.gather(for: view) {
      throw .vendorDataFailed(target: failed)
    }
    let seed = driveSeed ?? DriveSeed(of: view.instance.unpacked)
    let input = input(view, source: nil, now: environment.now(), needs: needs) {
      seed.text(for: id)
    }
    do {
      return RenderedDrive(
        layout: layout, revision: revision, files: try DriveContents.files(layout, for: input))
    } catch {
      throw .tooLarge(error)
    }
  }
}
