import Foundation

/// Recorded data in Fixtures/.
enum Fixtures {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures")

  /// The rows of a tab-separated file without its comments, split into columns.
  static func rows(_ path: String) throws -> [[String]] {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8).split(separator: "\n")
      .filter { !$0.hasPrefix("# ") }
      .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
  }

  /// The rows of ids.tsv of one kind, without the kind.
  static func ids(_ kind: String) throws -> [[String]] {
    let rows = try rows("model/ids.tsv").filter { $0[0] == kind }.map { Array($0.dropFirst()) }
    if rows.isEmpty { throw CocoaError(.fileReadCorruptFile) }
    return rows
  }

  /// A column that holds JSON.
  static func json<Value>(_ column: String, as type: Value.Type) throws -> Value {
    let value = try JSONSerialization.jsonObject(with: Data(column.utf8), options: .fragmentsAllowed)
    guard let value = value as? Value else { throw CocoaError(.fileReadCorruptFile) }
    return value
  }

  /// The bytes of hexadecimal text.
  static func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0 }
  }

  /// The commit log files of the recorded store, in order.
  static func commitLog() throws -> [[UInt8]] {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("apus-model-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let tar = Process()
    tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    tar.arguments = ["tar", "-xzf", root.appendingPathComponent("store/store.tar.gz").path, "-C", directory.path]
    try tar.run()
    tar.waitUntilExit()
    let log = directory.appendingPathComponent("store/commitlog")
    return try FileManager.default.contentsOfDirectory(atPath: log.path).sorted().map {
      Array(try Data(contentsOf: log.appendingPathComponent($0)))
    }
  }
}
