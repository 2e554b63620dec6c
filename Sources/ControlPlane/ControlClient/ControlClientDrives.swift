import ControlAPI
public import Dialects
public import Inventory
public import MetadataService
import NIOHTTP1

extension ControlClient {
  /// The files of an instance's drive, with the daemon's settings and its vendor data.
  public func drive(_ layout: DriveLayout, of id: InstanceID) async throws(ControlClientError)
    -> RenderedDrive
  {
    let path = "\(ControlPath.drive(id))?layout=\(PercentCoding.encode(layout.rawValue))"
    let value = try await transport.json(try await transport.send(.GET, path))
    guard let drive = RenderedDrive(form: value) else {
      throw .broken("the drive cannot be read")
    }
    return drive
  }
}
