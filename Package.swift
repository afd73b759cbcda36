// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is compiled with the same strict settings: warnings are errors, unsafe code is marked where it is
/// used, and an import is internal unless it says otherwise.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableExperimentalFeature("Lifetimes"),
]

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A library whose asynchronous functions stay on their caller's executor: a send changes threads once and not at every
/// step.
func clientLibrary(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(
    name: name, dependencies: dependencies,
    swiftSettings: strict + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")])
}

func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
  name: "apus",
  products: [
    .library(name: "ApusClient", targets: ["ApusClient"]),
    .executable(name: "apus", targets: ["apus"]),
    .executable(name: "apus-sim", targets: ["apus-sim"]),
    .executable(name: "apus-fuzz", targets: ["apus-fuzz"]),
  ],
  targets: [
    // C shims. Only ApusSystem sees CPosix; CISAL is a pure function without state.
    .systemLibrary(name: "CISAL", providers: [.apt(["libisal-dev"])]),
    .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CLZ4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "CPosix"),

    // Pure: no clock, thread, disk or network.
    library("ApusBase", ["CISAL"]),
    library("ApusModel", ["ApusBase"]),
    library("ApusProtocol", ["ApusBase", "ApusModel"]),
    library("ApusFilter", ["ApusBase", "ApusModel"]),
    // SHA-1 and libyaml are called as functions without state: nothing of OpenSSL's or the machine's is touched.
    library("ApusSigning", ["ApusBase", "ApusProtocol", "COpenSSL"]),
    library("ApusAccess", ["ApusBase", "ApusModel", "ApusProtocol", "ApusSigning", "CYAML"]),
    library("ApusStoreCore", ["ApusBase"]),
    library("ApusRouteCore", ["ApusBase", "ApusModel"]),
    library("ApusBrokerCore", ["ApusBase", "ApusModel", "ApusProtocol", "ApusFilter"]),

    // MD5, LZ4 and Zstandard are called as functions without state.
    library("ApusClientCore", ["ApusBase", "ApusModel", "ApusProtocol", "COpenSSL", "CLZ4", "CZstd"]),

    // The machine: files, event loops, threads, clocks.
    library("ApusSystem", ["ApusBase", "COpenSSL", "CPosix", "CZlib"]),
    // Synchronous and thread-free: everything it asks of the machine goes through ApusBase's Disk.
    library("ApusStore", ["ApusBase", "ApusModel", "ApusStoreCore"]),

    // Command tables, and what is made of them: parsing, help, completions, the manual page.
    library("ApusCommandLine", ["ApusBase"]),

    // Shells.
    library("ApusHTTP", ["ApusBase", "ApusSystem"]),
    library("ApusRemoting", ["ApusBase", "ApusModel", "ApusProtocol", "ApusSigning", "ApusSystem"]),
    library(
      "ApusNameServer", ["ApusBase", "ApusModel", "ApusProtocol", "ApusRouteCore", "ApusRemoting", "ApusSystem"]),
    library(
      "ApusBroker",
      [
        "ApusBase", "ApusModel", "ApusProtocol", "ApusFilter", "ApusSigning", "ApusAccess", "ApusBrokerCore",
        "ApusStoreCore", "ApusStore", "ApusRemoting", "ApusHTTP", "ApusSystem",
      ]),
    // For programs: the only library that other packages use.
    clientLibrary(
      "ApusClient",
      [
        "ApusBase", "ApusModel", "ApusProtocol", "ApusSigning", "ApusClientCore", "ApusHTTP", "ApusRemoting",
        "ApusSystem",
      ]),
    // Administration, and the short way in: what mqadmin does.
    library(
      "ApusAdmin",
      [
        "ApusBase", "ApusModel", "ApusProtocol", "ApusAccess", "ApusClientCore", "ApusClient", "ApusCommandLine",
        "ApusSystem",
      ]),
    // The load generator works against any broker and knows nothing of ours.
    library("ApusBench", ["ApusBase", "ApusSystem"]),
    tool(
      "apus",
      [
        "ApusBase", "ApusModel", "ApusSystem", "ApusHTTP", "ApusRemoting", "ApusNameServer", "ApusBroker",
        "ApusBench", "ApusClient", "ApusStoreCore", "ApusStore", "ApusCommandLine", "ApusAdmin",
      ]),

    // Development tools, not shipped.
    library("ApusSimulator", ["ApusBase", "ApusModel", "ApusStoreCore", "ApusStore"]),
    // Without Glibc nothing else asks for the mathematics that rounding compiles to.
    library(
      "ApusBrokerSimulator",
      [
        "ApusBase", "ApusModel", "ApusProtocol", "ApusClientCore", "ApusSystem", "ApusRemoting", "ApusBroker",
        "ApusSimulator",
      ]),
    .executableTarget(
      name: "apus-sim",
      dependencies: ["ApusBase", "ApusBrokerCore", "ApusBrokerSimulator", "ApusSimulator", "ApusSystem"],
      swiftSettings: strict,
      linkerSettings: [.linkedLibrary("m")]),

    // Without a manifest flag: what libFuzzer needs is passed on the command line (`make fuzz`).
    library(
      "ApusFuzz",
      [
        "ApusBase", "ApusModel", "ApusProtocol", "ApusFilter", "ApusAccess", "ApusStoreCore", "ApusRouteCore",
        "ApusBrokerCore", "ApusStore", "ApusSystem", "ApusHTTP", "ApusNameServer", "ApusBroker", "ApusSimulator",
      ]),
    tool("apus-fuzz", ["ApusBase", "ApusFuzz", "ApusSimulator", "ApusSystem"]),

    tests("ApusFuzzTests", ["ApusFuzz"]),
    tests("ApusBaseTests", ["ApusBase"]),
    tests("ApusSimulatorTests", ["ApusBase", "ApusSimulator"]),
    tests("ApusBrokerSimulatorTests", ["ApusBrokerSimulator", "ApusSimulator"]),
    tests("ApusRouteCoreTests", ["ApusBase", "ApusModel", "ApusRouteCore"]),
    tests(
      "ApusBrokerTests",
      [
        "ApusBase", "ApusModel", "ApusProtocol", "ApusSigning", "ApusAccess", "ApusBrokerCore", "ApusStoreCore",
        "ApusStore", "ApusRemoting", "ApusHTTP", "ApusSystem", "ApusBroker", "ApusSimulator",
      ]),
    tests(
      "ApusNameServerTests",
      [
        "ApusBase", "ApusModel", "ApusProtocol", "ApusRouteCore", "ApusSystem", "ApusRemoting", "ApusNameServer",
        "ApusBrokerCore", "ApusBroker", "ApusSimulator",
      ]),
    tests("ApusBrokerCoreTests", ["ApusBase", "ApusModel", "ApusProtocol", "ApusFilter", "ApusBrokerCore"]),
    tests("ApusAccessTests", ["ApusBase", "ApusModel", "ApusProtocol", "ApusSigning", "ApusAccess"]),
    tests("ApusClientCoreTests", ["ApusBase", "ApusModel", "ApusProtocol", "ApusClientCore"]),
    tests(
      "ApusClientTests",
      [
        "ApusBase", "ApusModel", "ApusProtocol", "ApusClientCore", "ApusClient", "ApusHTTP", "ApusRemoting",
        "ApusSystem", "ApusNameServer", "ApusBroker",
      ]),
    tests("ApusFilterTests", ["ApusBase", "ApusModel", "ApusFilter"]),
    tests("ApusModelTests", ["ApusBase", "ApusModel"]),
    tests(
      "ApusStoreTests", ["ApusBase", "ApusModel", "ApusStoreCore", "ApusStore", "ApusSystem", "ApusSimulator"]),
    tests("ApusProtocolTests", ["ApusBase", "ApusModel", "ApusProtocol"]),
    tests("ApusBenchTests", ["ApusBase", "ApusBench", "ApusSystem"]),
    tests(
      "ApusCommandTests",
      [
        "apus", "ApusBase", "ApusBroker", "ApusNameServer", "ApusRemoting", "ApusStoreCore", "ApusStore", "ApusSystem",
        "ApusClient", "ApusCommandLine", "ApusAdmin",
      ]),
    tests(
      "ApusAdminTests",
      [
        "ApusBase", "ApusModel", "ApusProtocol", "ApusClient", "ApusRemoting", "ApusSystem", "ApusNameServer",
        "ApusBroker", "ApusCommandLine", "ApusAdmin",
      ]),
    tests("TidyTests", []),
    tests("ApusSystemTests", ["ApusBase", "ApusSystem"]),
    tests("ApusHTTPTests", ["ApusBase", "ApusSystem", "ApusHTTP"]),
    tests(
      "ApusRemotingTests",
      ["ApusBase", "ApusModel", "ApusProtocol", "ApusSigning", "ApusSystem", "ApusRemoting"]),
  ],
  swiftLanguageModes: [.v6]
)
