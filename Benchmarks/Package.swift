// swift-tools-version: 6.2
import PackageDescription

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

// A package of its own: it measures the built daemon from outside, and must not slow its build.
let package = Package(
  name: "nameplate-benchmarks",
  products: [
    .executable(name: "guest-bench", targets: ["guest-bench"]),
    .executable(name: "hostile-guest", targets: ["hostile-guest"]),
  ],
  targets: [
    .target(name: "CEpoll"),
    .executableTarget(
      name: "guest-bench", dependencies: ["CEpoll"], path: "Sources/GuestBench",
      swiftSettings: settings),
    // The tests have it too, as a target of the package above.
    .executableTarget(
      name: "hostile-guest", path: "Sources/HostileGuest", swiftSettings: settings),
  ]
)
