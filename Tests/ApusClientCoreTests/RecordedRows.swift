import Foundation

/// Rows that Java's classes computed.
enum RecordedRows {
  /// The rows of Fixtures/client/ids.tsv of one kind, without the kind.
  static func of(_ kind: String) throws -> [[String]] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent("Fixtures/client/ids.tsv"), encoding: .utf8)
    let rows = text.split(separator: "\n")
      .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
      .filter { $0[0] == kind }.map { Array($0.dropFirst()) }
    if rows.isEmpty { throw CocoaError(.fileReadCorruptFile) }
    return rows
  }
}
