import ArgumentParser
import Daemon
import Foundation
import Glibc

/// Every setting as a flag; what is not given leaves the environment, the file and the defaults.
struct SettingOptions: ParsableArguments {
  @Option(
    help: "The configuration file (else NAMEPLATE_CONFIG, else /etc/nameplate/nameplate.yaml).")
  var config: String?

  @Option(help: "Where the database and keys are kept.")
  var stateDirectory: String?
  @Option(help: "The operators' Unix socket.")
  var controlSocket: String?
  @Option(name: .customLong("control-allowed-uids"), help: "Who may use it beside root, as [1000].")
  var controlAllowedUIDs: String?
  @Option(help: "Where operators are listened to on the network, as 10.0.0.4:8776; off if empty.")
  var controlListen: String?
  @Option(name: .customLong("control-tls-certificate-file"), help: "Its certificate, PEM.")
  var controlTLSCertificateFile: String?
  @Option(name: .customLong("control-tls-key-file"), help: "Its private key, PEM.")
  var controlTLSKeyFile: String?
  @Option(
    name: .customLong("control-tls-client-ca-file"), help: "Who may issue clients' certificates.")
  var controlTLSClientCAFile: String?
  @Option(help: "The address that the redirect sends guests to.")
  var metadataHost: String?
  @Option(
    name: .customLong("metadata-host-ipv6"), help: "The same for guests that ask fd00:ec2::254.")
  var metadataHostIPv6: String?
  @Option(help: "The address that guests are listened to on.")
  var metadataListen: String?
  @Option(help: "Its port.")
  var metadataPort: String?
  @Option(help: "The routers between this host and guests behind one: auto (1), or 0 to 63.")
  var metadataRouters: String?
  @Option(help: "More listeners, as [{address: 10.0.0.4, port: 80, network: net-a}].")
  var listeners: String?
  @Option(help: "router (DNAT on the guests' router) or local (the address on this host's device).")
  var redirectShape: String?
  @Option(help: "The interfaces that guests come in by, as [br-a]; all where there is none.")
  var redirectDevices: String?
  @Option(help: "The guests' addresses, as [10.20.0.0/24]; all where there is none.")
  var redirectGuests: String?
  @Option(help: "auto, nftables, iptables-nft or iptables-legacy.")
  var redirectBackend: String?
  @Option(help: "How iptables' chains begin; nova-network's were nova-network.")
  var redirectChainPrefix: String?
  @Option(help: "Between two backups of the store; 0 for none.")
  var backupIntervalHours: String?
  @Option(help: "How many backups are kept.")
  var backupKeep: String?
  @Option(help: "Appended to host names.")
  var dhcpDomain: String?
  @Option(name: .customLong("vendordata-jsonfile-path"), help: "The static vendor data.")
  var vendordataJSONFilePath: String?
  @Option(help: "Dynamic vendor data, as [name@url].")
  var vendordataDynamicTargets: String?
  @Option(help: "Whether a failed target makes vendor_data2.json fail.")
  var vendordataDynamicFailureFatal: String?
  @Option(help: "How long a target's answer is kept.")
  var vendordataDynamicCacheSeconds: String?
  @Option(help: "Neutron's shared secret; better given as a file.")
  var metadataProxySharedSecret: String?
  @Option(help: "A file that holds it.")
  var metadataProxySharedSecretFile: String?
  @Option(help: "What becomes of requests whose Host is none of ours: audit, enforce or off.")
  var hostCheck: String?
  @Option(help: "More names and addresses that guests ask by, as [metadata.example.internal].")
  var metadataNames: String?
  @Option(help: "Connections of one guest.")
  var guestConnections: String?
  @Option(help: "Requests of one guest, a second; 0 for no bound.")
  var guestRequestsPerSecond: String?
  @Option(help: "Requests of one guest at once.")
  var guestRequestBurst: String?
  @Option(help: "Bytes of large answers to one guest, a second; 0 for no bound.")
  var guestBytesPerSecond: String?
  @Option(help: "Connections of all guests.")
  var totalConnections: String?
  @Option(help: "Requests of all guests, a second; 0 for no bound.")
  var totalRequestsPerSecond: String?
  @Option(help: "Bytes of large answers to all guests, a second; 0 for no bound.")
  var totalBytesPerSecond: String?
  @Option(help: "For instances that do not say otherwise, as {httpTokens: required}.")
  var metadataOptions: String?
  @Option(help: "How long a request from an undeclared address is held.")
  var unknownGuestHoldSeconds: String?
  @Option(help: "trace, debug, info, notice, warning, error or critical.")
  var logLevel: String?
  @Option(help: "text or json.")
  var logFormat: String?

  private var flags: [Setting: String] {
    let all: [Setting: String?] = [
      .stateDirectory: stateDirectory, .controlSocket: controlSocket,
      .controlAllowedUIDs: controlAllowedUIDs, .controlListen: controlListen,
      .controlTLSCertificateFile: controlTLSCertificateFile,
      .controlTLSKeyFile: controlTLSKeyFile, .controlTLSClientCAFile: controlTLSClientCAFile,
      .metadataHost: metadataHost,
      .metadataHostIPv6: metadataHostIPv6, .redirectShape: redirectShape,
      .redirectDevices: redirectDevices, .redirectGuests: redirectGuests,
      .redirectBackend: redirectBackend, .redirectChainPrefix: redirectChainPrefix,
      .metadataListen: metadataListen, .metadataPort: metadataPort, .listeners: listeners,
      .metadataRouters: metadataRouters,
      .backupIntervalHours: backupIntervalHours, .backupKeep: backupKeep,
      .dhcpDomain: dhcpDomain, .vendordataJSONFilePath: vendordataJSONFilePath,
      .vendordataDynamicTargets: vendordataDynamicTargets,
      .vendordataDynamicFailureFatal: vendordataDynamicFailureFatal,
      .vendordataDynamicCacheSeconds: vendordataDynamicCacheSeconds,
      .metadataProxySharedSecret: metadataProxySharedSecret,
      .metadataProxySharedSecretFile: metadataProxySharedSecretFile,
      .guestConnections: guestConnections, .guestRequestsPerSecond: guestRequestsPerSecond,
      .guestRequestBurst: guestRequestBurst, .guestBytesPerSecond: guestBytesPerSecond,
      .totalConnections: totalConnections, .totalRequestsPerSecond: totalRequestsPerSecond,
      .totalBytesPerSecond: totalBytesPerSecond,
      .hostCheck: hostCheck, .metadataNames: metadataNames, .metadataOptions: metadataOptions,
      .unknownGuestHoldSeconds: unknownGuestHoldSeconds, .logLevel: logLevel,
      .logFormat: logFormat,
    ]
    return all.compactMapValues { $0 }
  }

  /// - Parameter more: Settings that a command has flags of its own for.
  func sources(adding more: [Setting: String] = [:]) throws -> SettingSources {
    let environment = ProcessInfo.processInfo.environment
    let usual = "/etc/nameplate/nameplate.yaml"
    let file =
      config ?? environment["NAMEPLATE_CONFIG"]
      ?? (FileManager.default.fileExists(atPath: usual) ? usual : nil)
    return try SettingSources(
      file: file, flags: flags.merging(more) { $1 },
      surroundings: Surroundings(isRoot: geteuid() == 0, environment: environment))
  }
}
