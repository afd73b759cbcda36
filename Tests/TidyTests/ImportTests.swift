import Testing

/// What each target may import. SwiftPM lets a target import what its dependencies depend on, so the boundary is held
/// here.
@Suite struct ImportTests {
  private static let base: Set = ["ApusBase"]
  private static let model: Set = ["ApusBase", "ApusModel"]
  private static let wire: Set = ["ApusBase", "ApusModel", "ApusProtocol"]
  private static let remoting = wire.union(["ApusSystem", "ApusRemoting"])

  static let allowed: [String: Set<String>] = [
    "ApusBase": ["CISAL"],
    "ApusModel": base,
    "ApusProtocol": model,
    "ApusFilter": model,
    "ApusSigning": ["ApusBase", "ApusProtocol", "COpenSSL"],
    "ApusAccess": wire.union(["ApusSigning", "CYAML"]),
    "ApusStoreCore": base,
    "ApusRouteCore": model,
    "ApusBrokerCore": wire.union(["ApusFilter"]),
    "ApusClientCore": wire.union(["COpenSSL", "CLZ4", "CZstd"]),
    "ApusClient": remoting.union(["ApusSigning", "ApusClientCore", "ApusHTTP", "Synchronization"]),
    "ApusCommandLine": base,
    "ApusAdmin": wire.union(["ApusAccess", "ApusClientCore", "ApusClient", "ApusCommandLine", "ApusSystem"]),
    "ApusStore": model.union(["ApusStoreCore"]),
    "ApusSystem": ["ApusBase", "COpenSSL", "CPosix", "CZlib", "Glibc", "Synchronization"],
    "ApusHTTP": ["ApusBase", "ApusSystem"],
    "ApusRemoting": wire.union(["ApusSigning", "ApusSystem", "Synchronization"]),
    "ApusNameServer": remoting.union(["ApusRouteCore", "Synchronization"]),
    "ApusBroker": remoting.union([
      "ApusFilter", "ApusSigning", "ApusAccess", "ApusBrokerCore", "ApusStoreCore", "ApusStore", "ApusHTTP",
      "Synchronization",
    ]),
    "ApusBench": ["ApusBase", "ApusSystem"],
    // `apus store` looks into a store without a broker.
    "apus": model.union([
      "ApusSystem", "ApusRemoting", "ApusHTTP", "ApusNameServer", "ApusBroker", "ApusBench", "ApusClient", "ApusStore",
      "ApusStoreCore", "ApusCommandLine", "ApusAdmin",
    ]),
    "ApusSimulator": model.union(["ApusStoreCore", "ApusStore"]),
    "ApusFuzz": wire.union([
      "ApusFilter", "ApusAccess", "ApusStoreCore", "ApusRouteCore", "ApusBrokerCore", "ApusStore", "ApusSystem",
      "ApusHTTP", "ApusNameServer", "ApusBroker", "ApusSimulator",
    ]),
    "apus-fuzz": ["ApusBase", "ApusFuzz", "ApusSimulator", "ApusSystem", "Glibc"],
    "ApusBrokerSimulator": remoting.union(["ApusClientCore", "ApusBroker", "ApusSimulator"]),
    "apus-sim": ["ApusBase", "ApusBrokerCore", "ApusBrokerSimulator", "ApusSimulator", "ApusSystem", "Glibc"],
  ]

  @Test func `every target imports only what its place in the architecture allows`() throws {
    let files = SourceTree.swift(under: "Sources")
    #expect(files.count > 10, "the repository was not found from \(#filePath)")
    for file in files {
      let target = String(file.path.split(separator: "/")[1])
      let list = try #require(Self.allowed[target], "\(target) has no import list in ImportTests")
      for (number, text) in file.code(with: ["import"]) {
        guard let module = Self.importedModule(text) else { continue }
        #expect(list.contains(module), "\(file.path):\(number): \(target) may not import \(module)")
      }
    }
  }

  @Test(arguments: [
    ("import Glibc", "Glibc"), ("package import ApusBase", "ApusBase"),
    ("public import struct ApusModel.SysFlag", "ApusModel"),
    ("@preconcurrency import Foundation", "Foundation"), ("@_exported public import ApusBase", "ApusBase"),
  ])
  func `an import line names its module in every form`(line: String, module: String) {
    #expect(Self.importedModule(line[...]) == module)
  }

  @Test func `a line that only speaks of imports is none`() {
    #expect(Self.importedModule("let important = 1") == nil)
    #expect(Self.importedModule("  import(x)") == nil)
  }

  /// The module that a line imports, or nil.
  static func importedModule(_ line: Substring) -> String? {
    var words = line.split(separator: " ")
    let modifiers: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    while let first = words.first, first.hasPrefix("@") || modifiers.contains(first) { words.removeFirst() }
    guard words.first == "import", words.count >= 2 else { return nil }
    let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
    let path = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
    return String(path.prefix { $0 != "." })
  }
}
