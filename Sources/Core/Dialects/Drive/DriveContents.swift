import Inventory

/// The files of a drive, from the same renderers as the answers over HTTP.
public enum DriveContents {
  /// What must be gathered for a layout. The seed must be the same each time, or no two drives of an
  /// instance are.
  public static func needs(of layout: DriveLayout) -> Needs {
    layout.hasOpenStack ? [.randomSeed, .dynamicVendorData] : []
  }

  /// All files, in the order in which Nova writes them.
  /// - Throws: ``DriveTooLarge``, where they have more than ``Limits/maximumDriveBytes``.
  public static func files(_ layout: DriveLayout, for input: RenderInput) throws(DriveTooLarge)
    -> [DriveFile]
  {
    let input = input.carried(by: .drive)
    var files: [DriveFile] = []
    if layout.hasEC2 { files += ec2(input) }
    if layout.hasOpenStack { files += openStack(input) }
    if layout == .noCloud { files += noCloud(input) }
    let size = files.reduce(0) { $0 + $1.bytes.count }
    guard size <= Limits.maximumDriveBytes else { throw DriveTooLarge(bytes: size) }
    return files
  }

  /// Of EC2's versions Nova writes the newest that it knows and skips the older ones.
  private static func ec2(_ input: RenderInput) -> [DriveFile] {
    let metaData = EC2DriveDocument.value(for: input).bytes
    return EC2DriveDocument.versions.flatMap { version in
      let folder = "ec2/\(version)"
      let userData = input.view.instance.userData.map {
        DriveFile(path: "\(folder)/user-data", bytes: $0.revealed)
      }
      return [userData, DriveFile(path: "\(folder)/meta-data.json", bytes: metaData)]
        .compactMap(\.self)
    }
  }

  /// The password document stays away: a drive has no way back.
  private static let openStackDocuments: [OpenStackDocument] = [
    .metaData, .userData, .vendorData, .networkData, .vendorData2,
  ]

  private static func openStack(_ input: RenderInput) -> [DriveFile] {
    var paths: [[String]] = []
    for version in OpenStackVersion.allCases.map(\.date) + ["latest"] {
      guard let known = OpenStackVersion(segment: version) else { continue }
      for document in openStackDocuments where known >= document.since {
        paths.append(["openstack", version, document.rawValue])
      }
    }
    for id in OpenStackContent(view: input.view).idsOnDrive {
      paths.append(["openstack", "content", id])
    }
    return files(paths, of: OpenStackDialect(), for: input)
  }

  private static func noCloud(_ input: RenderInput) -> [DriveFile] {
    let dialect = NoCloudDialect()
    let paths = NoCloudDocument.allCases.map { ["nocloud", $0.rawValue] }
    return files(paths, of: dialect, for: input).map { file in
      DriveFile(path: String(file.path.dropFirst("nocloud/".count)), bytes: file.bytes)
    }
  }

  /// What a dialect has at these paths; an absent value is no file.
  private static func files(
    _ paths: [[String]], of dialect: some Dialect, for input: RenderInput
  ) -> [DriveFile] {
    paths.compactMap { path in
      dialect.node(at: RequestTarget(segments: path), for: input).map {
        DriveFile(path: path.joined(separator: "/"), bytes: $0.document.bytes)
      }
    }
  }
}

/// An instance has more to say than a drive takes.
public struct DriveTooLarge: Error, Sendable, Hashable, CustomStringConvertible {
  public let bytes: Int

  public var description: String {
    "its drive would have \(bytes) bytes, of at most \(Limits.maximumDriveBytes); "
      + "vendor data and user data are written once for each version"
  }
}
