import ControlAPI
import Dialects
import Hummingbird
import Inventory
import MetadataService

/// The files of an instance's drive. They hold its password and user data, as its record does.
struct DriveHandler: Sendable {
  let resources: ResourceService

  func drive(_ request: ControlRequest) async throws(Problem) -> Response {
    let query = try request.query(allowing: ["layout"])
    let word = query["layout"] ?? DriveLayout.openStackAndEC2.rawValue
    guard let layout = DriveLayout(rawValue: word) else {
      let words = DriveLayout.allCases.map(\.rawValue).joined(separator: ", ")
      throw Problem(.badRequest, "'\(word)' is not one of \(words)", field: "layout")
    }
    _ = try resources.record(request.resourceID(), for: request.principal)
    let drive: RenderedDrive?
    do {
      drive = try await resources.service.drive(layout, of: try request.instanceID())
    } catch let error as DriveRefusal {
      switch error {
      case .tooLarge: throw Problem(.contentTooLarge, error.description)
      case .vendorDataFailed: throw Problem(.unavailable, error.description)
      }
    } catch {
      throw Problem(.internalError, "the drive cannot be rendered")
    }
    guard let drive else { throw .missing(try request.resourceID()) }
    return .json(drive.form)
  }
}
