public import ApusBase

/// Texts by name, in the order written: runtime information and key-value configuration.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/KVTable.java
public struct KVTable: JSONBody {
  /// One row.
  public struct Row: Hashable, Sendable {
    /// The name.
    public var key: String
    /// The text.
    public var value: String

    /// Pairs a name with a text.
    public init(_ key: String, _ value: String) {
      self.key = key
      self.value = value
    }
  }

  /// The rows.
  public var rows: [Row]

  /// Holds rows.
  public init(_ rows: [Row]) { self.rows = rows }

  /// The text of a name; nil when there is none.
  public subscript(key: String) -> String? { rows.last { $0.key == key }?.value }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    rows = []
    for member in try json.table("table") { rows.append(Row(member.key.text ?? "", member.value.text ?? "")) }
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: ["table": .object(rows.map { JSONMember($0.key, .string($0.value)) })])
  }
}
