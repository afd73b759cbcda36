import ApusBase
import ApusCommandLine

/// The file that an export goes to.
struct ExportFile: Hashable, Sendable {
  private let directory: String

  static let option = Option(
    "filePath", "f", value: "DIR", help: "The directory of the file (/tmp/rocketmq/export).")

  init(_ arguments: Arguments) { directory = arguments.trimmed("filePath") ?? "/tmp/rocketmq/export" }

  /// Writes a document and says where it is.
  func write(_ document: JSONValue, name: String, _ session: AdminSession) throws(AdminError) {
    let path = "\(directory)/\(name)"
    try session.write(document.bytes(.pretty), to: path)
    session.say("export \(path) success", ["file": .text(path)])
  }
}

extension JSONValue {
  /// An object of named values.
  static func fields(_ fields: KeyValuePairs<String, JSONValue>) -> JSONValue {
    .object(fields.map { JSONMember($0.key, $0.value) })
  }

  /// A text, or null for none.
  static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}
