// swift-tools-version: 6.2
import PackageDescription

// Every target is held to the same: Swift 6, each import said where it is used, warnings are errors.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// A room: a folder under Sources that names the rooms and libraries it may know.
func room(_ path: String, knows dependencies: [Target.Dependency]) -> Target {
  let name = path.split(separator: "/").last.map(String.init) ?? path
  return .target(
    name: name, dependencies: dependencies, path: "Sources/\(path)", swiftSettings: settings)
}

func tests(_ name: String, of dependencies: [Target.Dependency], resources: [Resource]? = nil)
  -> Target
{
  .testTarget(
    name: name, dependencies: dependencies, path: "Tests/\(name)", resources: resources,
    swiftSettings: settings)
}

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let collections = Target.Dependency.product(
  name: "OrderedCollections", package: "swift-collections")

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let configuration = Target.Dependency.product(
  name: "Configuration", package: "swift-configuration")
let serviceLifecycle = Target.Dependency.product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(
  name: "UnixSignals", package: "swift-service-lifecycle")
let asyncHTTPClient = Target.Dependency.product(
  name: "AsyncHTTPClient", package: "async-http-client")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "nameplate",
  dependencies: [
    .package(url: "https://github.com/apple/swift-collections", from: "1.3.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.0.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(
      url: "https://github.com/apple/swift-configuration", from: "1.4.0",
      traits: [.defaults, "YAML"]),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
  ],
  targets: [
    // An instruction of processors' that Swift has no word for.
    .target(name: "CMemory", path: "Sources/Core/CMemory"),
    room("Core/Inventory", knows: ["CMemory", collections]),
    room("Core/Dialects", knows: ["Inventory", collections]),
    room(
      "Core/MetadataService",
      knows: ["Inventory", "Dialects", "Telemetry", collections, crypto, metrics]),
    room("Core/Telemetry", knows: ["Inventory", histogram, metrics]),

    room(
      "DataPlane/GuestServer",
      knows: [
        "Inventory", "Dialects", "MetadataService", "Telemetry", "CEventLoop", logging,
        serviceLifecycle,
      ]),
    // What the C library has and its Swift module leaves out, as is CHostNetwork.
    .target(name: "CEventLoop", path: "Sources/DataPlane/CEventLoop"),

    room("ControlPlane/Manifest", knows: ["Inventory", collections, yams]),
    room(
      "ControlPlane/ControlAPI",
      knows: ["Inventory", "Dialects", "MetadataService", "Telemetry", collections]),
    room(
      "ControlPlane/ControlServer",
      knows: [
        "Inventory", "Dialects", "MetadataService", "Telemetry", "ControlAPI", collections,
        hummingbird, metrics, hummingbirdCore, httpTypes, nioCore, nioPosix, nioHTTPTypes, nioSSL,
        crypto, x509, asn1,
        logging, serviceLifecycle,
      ]),
    room(
      "ControlPlane/ControlClient",
      knows: [
        "Inventory", "Dialects", "MetadataService", "ControlAPI", collections, asyncHTTPClient,
        nioCore, nioPosix, nioHTTP1, nioSSL, x509, asn1,
      ]),

    room("Storage/SQLiteStore", knows: ["Inventory", "Telemetry", grdb, metrics]),
    room(
      "DataPlane/VendorDataClient",
      knows: [
        "Inventory", "MetadataService", asyncHTTPClient, nioCore, nioHTTP1, logging,
        serviceLifecycle,
      ]),

    room("Host/HostProcess", knows: [subprocess, system]),
    room(
      "Host/HostNetwork",
      knows: ["Inventory", "HostProcess", "CHostNetwork", collections, system]),
    // What the C library has and its Swift module leaves out.
    .target(name: "CHostNetwork", path: "Sources/Host/CHostNetwork"),
    room("Host/ConfigDrive", knows: ["Dialects", "HostProcess", "CArchive"]),
    room("Host/DiskImage", knows: ["Inventory", "Dialects", "HostProcess"]),
    room("Host/Libvirt", knows: ["Inventory"]),
    .systemLibrary(
      name: "CArchive", path: "Sources/Host/CArchive", pkgConfig: "libarchive",
      providers: [.apt(["libarchive-dev"])]),

    // Runs inside the guest, and knows nothing of the server.
    room("Guest/GuestAgent", knows: []),

    room(
      "Programs/Daemon",
      knows: [
        "Inventory", "Dialects", "MetadataService", "Telemetry", "GuestServer", "VendorDataClient",
        "SQLiteStore",
        "HostProcess", "HostNetwork", "Manifest", "ControlAPI", "ControlServer", configuration,
        collections,
        logging, metrics,
        serviceLifecycle,
        unixSignals,
      ]),
    room(
      "Programs/Commands",
      knows: [
        "Inventory", "Dialects", "MetadataService", "Telemetry", "Manifest", "ControlAPI",
        "ControlClient", "HostProcess", "HostNetwork", "ConfigDrive", "DiskImage", "Libvirt",
        "Daemon",
        argumentParser, logging, collections,
      ]),
    .executableTarget(
      name: "nameplate", dependencies: ["Commands"], path: "Sources/Programs/nameplate",
      swiftSettings: settings),
    .executableTarget(
      name: "nameplate-guest", dependencies: ["GuestAgent", argumentParser],
      path: "Sources/Programs/nameplate-guest", swiftSettings: settings),

    .target(
      name: "TestKit",
      dependencies: [
        "Inventory", "Dialects", "MetadataService", "CHostNetwork", crypto, x509, asn1,
      ],
      path: "Tests/TestKit", swiftSettings: settings),
    tests("InventoryTests", of: ["Inventory", collections]),
    tests(
      "ManifestTests", of: ["Inventory", "Manifest", collections], resources: [.copy("Fixtures")]),
    tests(
      "ControlPlaneTests",
      of: [
        "Inventory", "Dialects", "MetadataService", "Telemetry", "ControlAPI", "ControlServer",
        "ControlClient", "TestKit", collections, logging, serviceLifecycle, asyncHTTPClient,
        nioCore, nioHTTP1,
      ]),
    tests(
      "DialectsTests", of: ["Inventory", "Dialects", "Manifest", collections, yams],
      resources: [.copy("Fixtures")]),
    tests(
      "GuestAgentTests",
      of: ["GuestAgent", "DiskImage", "nameplate", "nameplate-guest", "TestKit"]),
    tests(
      "HostNetworkTests", of: ["Inventory", "HostProcess", "HostNetwork", "TestKit", system]),
    tests("ConfigDriveTests", of: ["Dialects", "ConfigDrive", "TestKit"]),
    tests("TelemetryTests", of: ["Telemetry", "TestKit", metrics]),
    tests("LibvirtTests", of: ["Inventory", "Libvirt"]),
    tests("DiskImageTests", of: ["Inventory", "Dialects", "DiskImage", "TestKit", collections]),
    tests("SQLiteStoreTests", of: ["Inventory", "SQLiteStore", grdb]),
    tests(
      "MetadataServiceTests",
      of: ["Inventory", "Dialects", "MetadataService", "TestKit", collections, crypto]),
    // A guest that means harm, which the bench builds for itself.
    .executableTarget(
      name: "hostile-guest", path: "Benchmarks/Sources/HostileGuest", swiftSettings: settings),
    tests(
      "DaemonTests",
      of: [
        "nameplate", "hostile-guest", "Daemon", "HostNetwork", "ConfigDrive", "Inventory",
        "MetadataService", "Telemetry",
        "ControlAPI",
        "ControlClient", "TestKit", logging, grdb,
      ]),
    tests(
      "GuestServerTests",
      of: [
        "Inventory", "Dialects", "MetadataService", "Telemetry", "GuestServer", "TestKit", nioCore,
        nioPosix, logging, serviceLifecycle,
      ]),
  ]
)
