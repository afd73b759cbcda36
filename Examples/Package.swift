// swift-tools-version: 6.2
import PackageDescription

let client: [Target.Dependency] = [.product(name: "ApusClient", package: "apus")]
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// Programs that use ApusClient as any other package would: each a file that can be read in a minute and copied.
let package = Package(
  name: "apus-examples",
  dependencies: [.package(name: "apus", path: "..")],
  targets: ["consumer", "delay", "ordered", "producer", "request-reply", "retry", "transaction"].map { name in
    .executableTarget(name: name, dependencies: client, swiftSettings: strict)
  } + [
    // What the guides show, so that it compiles.
    .target(name: "snippets", dependencies: client, swiftSettings: strict)
  ],
  swiftLanguageModes: [.v6]
)
