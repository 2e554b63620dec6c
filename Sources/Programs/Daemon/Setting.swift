import Inventory

/// A key of the configuration: one line in the YAML file, one environment variable, one flag.
public enum Setting: String, CaseIterable, Sendable {
  case stateDirectory = "state_directory"
  case controlSocket = "control_socket"
  case controlAllowedUIDs = "control_allowed_uids"
  case controlListen = "control_listen"
  case controlTLSCertificateFile = "control_tls_certificate_file"
  case controlTLSKeyFile = "control_tls_key_file"
  case controlTLSClientCAFile = "control_tls_client_ca_file"
  case metadataHost = "metadata_host"
  case metadataHostIPv6 = "metadata_host_ipv6"
  case metadataListen = "metadata_listen"
  case metadataPort = "metadata_port"
  case metadataRouters = "metadata_routers"
  case listeners
  case manageRedirect = "manage_redirect"
  case redirectShape = "redirect_shape"
  case redirectDevices = "redirect_devices"
  case redirectGuests = "redirect_guests"
  case redirectBackend = "redirect_backend"
  case redirectChainPrefix = "redirect_chain_prefix"
  case backupIntervalHours = "backup_interval_hours"
  case backupKeep = "backup_keep"
  case dhcpDomain = "dhcp_domain"
  case vendordataJSONFilePath = "vendordata_jsonfile_path"
  case vendordataDynamicTargets = "vendordata_dynamic_targets"
  case vendordataDynamicFailureFatal = "vendordata_dynamic_failure_fatal"
  case vendordataDynamicCacheSeconds = "vendordata_dynamic_cache_seconds"
  case metadataOptions = "metadata_options"
  case metadataProxySharedSecret = "metadata_proxy_shared_secret"
  case metadataProxySharedSecretFile = "metadata_proxy_shared_secret_file"
  case hostCheck = "host_check"
  case metadataNames = "metadata_names"
  case guestConnections = "guest_connections"
  case guestRequestsPerSecond = "guest_requests_per_second"
  case guestRequestBurst = "guest_request_burst"
  case guestBytesPerSecond = "guest_bytes_per_second"
  case totalConnections = "total_connections"
  case totalRequestsPerSecond = "total_requests_per_second"
  case totalBytesPerSecond = "total_bytes_per_second"
  case unknownGuestHoldSeconds = "unknown_guest_hold_seconds"
  case logLevel = "log_level"
  case logFormat = "log_format"

  /// The environment variable, such as `NAMEPLATE_METADATA_PORT`.
  public var environmentVariable: String { "NAMEPLATE_\(rawValue.uppercased())" }

  /// The flag, such as `--metadata-port`.
  public var flag: String { "--" + rawValue.split(separator: "_").joined(separator: "-") }

  /// What is in force where nobody says anything. Paths depend on who runs the daemon.
  public func defaultValue(in surroundings: Surroundings) -> String {
    switch self {
    case .stateDirectory: surroundings.stateDirectory
    case .controlSocket: surroundings.controlSocket
    case .metadataListen: "0.0.0.0"
    case .metadataPort: "8775"
    case .controlAllowedUIDs, .listeners, .redirectDevices, .redirectGuests,
      .vendordataDynamicTargets, .metadataNames:
      "[]"
    case .hostCheck: "audit"
    case .guestConnections: "\(Limits.maximumConnectionsPerGuest)"
    case .guestRequestsPerSecond: "\(Limits.guestRequestsPerSecond)"
    case .guestRequestBurst: "\(Limits.guestRequestBurst)"
    case .guestBytesPerSecond: "\(Limits.guestBytesPerSecond)"
    case .totalConnections: "\(Limits.maximumConnections)"
    case .totalRequestsPerSecond: "\(Limits.totalRequestsPerSecond)"
    case .totalBytesPerSecond: "\(Limits.totalBytesPerSecond)"
    case .metadataOptions: "{}"
    case .vendordataDynamicFailureFatal, .manageRedirect: "false"
    case .redirectShape: "router"
    case .redirectBackend, .metadataRouters: "auto"
    case .redirectChainPrefix: "nameplate"
    case .vendordataDynamicCacheSeconds: "60"
    case .unknownGuestHoldSeconds: "2"
    case .backupIntervalHours: "24"
    case .backupKeep: "7"
    case .logLevel: "info"
    case .logFormat: "text"
    case .controlListen, .controlTLSCertificateFile, .controlTLSKeyFile,
      .controlTLSClientCAFile, .metadataHost, .metadataHostIPv6, .dhcpDomain,
      .vendordataJSONFilePath,
      .metadataProxySharedSecret,
      .metadataProxySharedSecretFile:
      ""
    }
  }

  /// Whether the value is a list in the YAML file; as a variable or flag it is YAML in one line.
  var isList: Bool {
    switch self {
    case .listeners, .vendordataDynamicTargets, .controlAllowedUIDs, .redirectDevices,
      .redirectGuests, .metadataNames:
      true
    default: false
    }
  }

  /// Whether the value is a map in the YAML file; elsewhere as for a list.
  var isMap: Bool { self == .metadataOptions }

  /// Whether the value must not be shown.
  public var isSecret: Bool { self == .metadataProxySharedSecret }

  /// The value as it may be shown: without secrets, passwords in URLs among them.
  public func shown(_ text: String) -> String {
    if isSecret { return text.isEmpty ? "" : "•••" }
    guard self == .vendordataDynamicTargets else { return text }
    return text.replacing(/:\/\/[^\/@\s]*@/, with: "://•••@")
  }
}

/// What the defaults of paths depend on.
public struct Surroundings: Sendable {
  public var isRoot: Bool
  public var environment: [String: String]

  public init(isRoot: Bool, environment: [String: String]) {
    self.isRoot = isRoot
    self.environment = environment
  }

  var stateDirectory: String {
    if isRoot { return "/var/lib/nameplate" }
    let home = environment["HOME"] ?? "/tmp"
    let state = environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    return (state ?? "\(home)/.local/state") + "/nameplate"
  }

  var controlSocket: String {
    if isRoot { return "/run/nameplate/control.sock" }
    let runtime = environment["XDG_RUNTIME_DIR"].flatMap { $0.isEmpty ? nil : $0 }
    return runtime.map { "\($0)/nameplate/control.sock" } ?? "\(stateDirectory)/control.sock"
  }
}
