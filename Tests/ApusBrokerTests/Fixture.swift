import Foundation

/// Files recorded from a Java broker, below `Fixtures/` of the package.
enum Fixture {
  static func bytes(_ path: String, file: StaticString = #filePath) throws -> [UInt8] {
    let root = URL(filePath: "\(file)").deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return Array(try Data(contentsOf: root.appending(path: "Fixtures").appending(path: path)))
  }

  static func text(_ path: String) throws -> String { String(decoding: try bytes(path), as: UTF8.self) }
}
