// swift-tools-version: 6.2
import PackageDescription

// A package of its own: it measures the built daemon from outside, and must not slow its build.
let package = Package(
  name: "nameplate-benchmarks",
  products: [.executable(name: "guest-bench", targets: ["guest-bench"])],
  targets: [
    .executableTarget(
      name: "guest-bench", path: "Sources/GuestBench",
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
      ])
  ]
)
