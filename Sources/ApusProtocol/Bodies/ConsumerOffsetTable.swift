public import ApusBase

/// The committed offsets of all groups: the content of `consumerOffset.json` and the answer to 43.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/ConsumerOffsetSerializeWrapper.java
public struct ConsumerOffsetTable: JSONBody {
  /// The offsets of one group in one topic.
  public struct Entry: Hashable, Sendable {
    /// The topic, which has no `@` in it.
    public var topic: String
    /// The group.
    public var group: String
    /// The committed offset by queue.
    public var offsets: [Int32: QueueOffset]

    /// Describes a group's offsets in a topic.
    public init(topic: String, group: String, offsets: [Int32: QueueOffset]) {
      self.topic = topic
      self.group = group
      self.offsets = offsets
    }
  }

  /// The entries.
  public var entries: [Entry]

  /// Holds entries.
  public init(_ entries: [Entry]) { self.entries = entries }

  /// Reads the JSON form: `topic@group` to queue to offset. A key without `@` is left out, as Java never finds it
  /// again.
  public init(json: JSONValue) throws(DecodeError) {
    entries = []
    for member in try json.table("offsetTable") {
      guard let key = member.key.text, let separator = key.firstIndex(of: "@") else { continue }
      var offsets: [Int32: QueueOffset] = [:]
      for queue in member.value.members ?? [] {
        guard let id = queue.key.int32, let offset = queue.value.int64 else {
          throw DecodeError(field: key, offset: 0, reason: "no table of queues and offsets")
        }
        offsets[id] = QueueOffset(offset)
      }
      entries.append(
        Entry(topic: String(key[..<separator]), group: String(key[key.index(after: separator)...]), offsets: offsets))
    }
  }

  /// The JSON form, queues in their order.
  public var json: JSONValue {
    let table = entries.map { entry in
      JSONMember(
        "\(entry.topic)@\(entry.group)",
        .object(
          entry.offsets.sorted { $0.key < $1.key }
            .map { JSONMember(.integer(Int64($0.key)), .integer($0.value.rawValue)) }))
    }
    return JSONValue(members: ["offsetTable": .object(table)])
  }
}
