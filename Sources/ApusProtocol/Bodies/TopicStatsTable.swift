public import ApusBase
public import ApusModel

/// What a topic's queues hold.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/admin/TopicStatsTable.java
public struct TopicStatsTable: JSONBody {
  /// What one queue holds.
  public struct Entry: Hashable, Sendable {
    /// The queue.
    public var queue: MessageQueue
    /// The offset of its oldest message.
    public var minOffset: QueueOffset
    /// The offset after its newest message.
    public var maxOffset: QueueOffset
    /// When its newest message was stored; 0 for none.
    public var lastUpdate: WallTime

    /// Describes a queue.
    public init(queue: MessageQueue, minOffset: QueueOffset, maxOffset: QueueOffset, lastUpdate: WallTime) {
      self.queue = queue
      self.minOffset = minOffset
      self.maxOffset = maxOffset
      self.lastUpdate = lastUpdate
    }
  }

  /// The queues.
  public var entries: [Entry]

  /// Describes queues.
  public init(_ entries: [Entry]) { self.entries = entries }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    entries = []
    for member in try json.table("offsetTable") {
      entries.append(
        Entry(
          queue: try member.key.queueKey(), minOffset: QueueOffset(try member.value.int64("minOffset", default: 0)),
          maxOffset: QueueOffset(try member.value.int64("maxOffset", default: 0)),
          lastUpdate: WallTime(milliseconds: try member.value.int64("lastUpdateTimestamp", default: 0))))
    }
  }

  /// The JSON form; the queues are the keys.
  public var json: JSONValue {
    let table = entries.map {
      JSONMember(
        $0.queue.json,
        JSONValue(members: [
          "lastUpdateTimestamp": JSONValue($0.lastUpdate.milliseconds), "maxOffset": JSONValue($0.maxOffset.rawValue),
          "minOffset": JSONValue($0.minOffset.rawValue),
        ]))
    }
    return JSONValue(members: ["offsetTable": .object(table)])
  }
}
