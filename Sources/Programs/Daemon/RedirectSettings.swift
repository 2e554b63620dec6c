import Foundation
import GuestServer
public import HostNetwork
import HostProcess
public import Inventory

/// What the configuration says of the redirect.
public struct RedirectSettings: Sendable {
  /// Whether `serve` installs it and keeps it.
  public let isManaged: Bool
  public let metadataHost: IPAddress?
  public let metadataHostIPv6: IPAddress?
  public let metadataPort: Int
  public let shape: Shape
  public let guests: [CIDR]
  /// The interfaces that guests come in by. A local redirect's are those of its listeners.
  public let devices: [String]
  private let addresses: Set<MetadataAddress>
  private let backend: RedirectPlan.Backend
  private let chainPrefix: String
  private let stateDirectory: String

  /// `redirect_shape`.
  public enum Shape: String, Sendable, CaseIterable {
    case router
    case local
  }

  init(_ read: SettingReader, _ listeners: [ListenerConfiguration], stateDirectory: String)
    throws(ConfigurationError)
  {
    isManaged = try read.bool(.manageRedirect)
    metadataHost = try read.optionalAddress(.metadataHost)
    metadataHostIPv6 = try read.optionalAddress(.metadataHostIPv6)
    metadataPort = listeners.first?.port ?? 8775
    shape = try read.word(.redirectShape)
    guests = try read.list(.redirectGuests) { $0.string.flatMap { CIDR($0) } }
    backend = try read.word(.redirectBackend)
    chainPrefix = read.text(.redirectChainPrefix)
    self.stateDirectory = stateDirectory
    // Where an address stands follows from who listens there: it is said once.
    let local = listeners.compactMap { listener -> (device: String, address: MetadataAddress)? in
      guard let device = listener.device ?? listener.zone,
        let address = MetadataAddress(rawValue: listener.address.description)
      else { return nil }
      return (device, address)
    }
    addresses = Set(local.map(\.address))
    devices =
      shape == .local
      ? Set(local.map(\.device)).sorted() : try read.list(.redirectDevices) { $0.string }
  }

  /// - Throws: What is missing from the configuration, or cannot be used.
  public func plan() throws -> RedirectPlan {
    switch shape {
    case .router:
      let isIPv4 = metadataHost?.isIPv4 ?? true
      let router = try RouterRedirect(
        metadataHostIPv4: isIPv4 ? metadataHost : nil,
        metadataHostIPv6: metadataHostIPv6 ?? (isIPv4 ? nil : metadataHost),
        metadataPort: metadataPort, devices: devices, guests: guests, chainPrefix: chainPrefix)
      return RedirectPlan(.router(router), backend: backend)
    case .local:
      guard !devices.isEmpty else {
        throw ConfigurationError(
          "redirect_shape is local, but no listener has a metadata address and a device; add one "
            + "like {address: 169.254.169.254, port: 80, device: br-a, network: net-a}")
      }
      return RedirectPlan(.local(try LocalRedirect(devices: devices, addresses: addresses)))
    }
  }

  /// Makes the folder that an installation is remembered in.
  public func makeStateDirectory() throws {
    try FileManager.default.createDirectory(
      atPath: stateDirectory, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
  }

  /// The redirect of this host, or of a namespace that is the guests' router.
  public func redirect(namespace: String? = nil) throws -> Redirect {
    let name = namespace.map { "redirect-\($0).json" } ?? "redirect.json"
    return Redirect(
      plan: try plan(), tools: HostTools(namespace: namespace), record: "\(stateDirectory)/\(name)")
  }
}

extension DaemonConfiguration {
  /// How guests reach the daemon: by listeners in namespaces alone, where nothing else is said.
  public var doctorShape: DoctorQuestion.Shape {
    switch redirect.shape {
    case .local: .local(device: redirect.devices.first ?? "")
    case .router:
      redirect.metadataHost == nil && redirect.metadataHostIPv6 == nil && !namespaceRules.isEmpty
        ? .namespaces : .router
    }
  }
}
