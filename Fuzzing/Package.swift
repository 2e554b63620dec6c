// swift-tools-version: 6.2
import PackageDescription

// A package of its own: the rooms that read what others send, compiled once more with libFuzzer's
// counters. `Rooms` is a link to the sources; nothing is copied.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"]),
]

/// A room, or those of its files that read what others send.
func room(_ path: String, _ files: [String]? = nil, knows dependencies: [Target.Dependency])
  -> Target
{
  .target(
    name: path.split(separator: "/").last.map(String.init) ?? path, dependencies: dependencies,
    path: "Rooms/\(path)", sources: files, swiftSettings: settings)
}

let collections = Target.Dependency.product(
  name: "OrderedCollections", package: "swift-collections")

let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")

let package = Package(
  name: "nameplate-fuzzing",
  dependencies: [
    .package(url: "https://github.com/apple/swift-collections", from: "1.3.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .target(name: "CMemory", path: "Rooms/Core/CMemory"),
    room("Core/Inventory", knows: ["CMemory", collections]),
    room("Core/Dialects", knows: ["Inventory", collections]),
    room("Core/Telemetry", knows: ["Inventory", histogram, metrics]),
    room(
      "Core/MetadataService",
      knows: ["Inventory", "Dialects", "Telemetry", collections, crypto, metrics]),
    // Without the files that need sockets.
    room(
      "DataPlane/GuestServer",
      [
        "ByteClasses.swift", "GuestExchange.swift", "GuestExchangeAction.swift", "KnownHeads.swift",
        "RequestHead.swift", "RequestParser.swift", "Timeouts.swift",
      ], knows: ["Inventory", "MetadataService"]),
    room(
      "ControlPlane/Manifest",
      knows: ["Inventory", collections, .product(name: "Yams", package: "Yams")]),
    room(
      "ControlPlane/ControlAPI",
      knows: ["Inventory", "Dialects", "MetadataService", "Telemetry", collections]),
    room("ControlPlane/ControlServer", ["LineSplitter.swift"], knows: ["Inventory"]),
    // The readers of the packet filters' listings, and of what the kernel says of neighbours.
    room(
      "Host/HostNetwork",
      [
        "FirewallPacket", "FirewallRule", "FirewallWalk", "IptablesRuleset",
        "NftReader", "NftRuleset",
      ].map { "Doctor/\($0).swift" }
        + ["RouteMessage", "RouteQuestion"].map { "Neighbours/\($0).swift" },
      knows: ["Inventory", "CHostNetwork", collections]),
    .target(name: "CHostNetwork", path: "Rooms/Host/CHostNetwork"),
    room("Guest/GuestAgent", knows: []),
    .target(
      name: "TestKit", dependencies: ["Inventory", "Dialects", "MetadataService", "CHostNetwork"],
      path: "TestKit",
      // They take libraries that nothing here needs: one issues certificates, one fails tests.
      exclude: ["TestAuthority.swift", "LogLines.swift"], swiftSettings: settings),
    .executableTarget(
      name: "NameplateFuzz",
      dependencies: [
        "Inventory", "Dialects", "MetadataService", "GuestServer", "Manifest", "ControlAPI",
        "ControlServer", "HostNetwork", "GuestAgent", "TestKit", collections, crypto,
      ],
      swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])],
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]),
  ]
)
