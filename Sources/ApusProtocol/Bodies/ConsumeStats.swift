public import ApusBase
public import ApusModel

/// How far a consumer group has come in its queues.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/admin/ConsumeStats.java
public struct ConsumeStats: JSONBody {
  /// How far the group has come in one queue.
  public struct Entry: Hashable, Sendable {
    /// The queue.
    public var queue: MessageQueue
    /// The offset after its newest message.
    public var brokerOffset: QueueOffset
    /// The group's committed offset.
    public var consumerOffset: QueueOffset
    /// When the last consumed message was stored; 0 when that is not known.
    public var lastTimestamp: WallTime

    /// Describes a queue.
    public init(
      queue: MessageQueue, brokerOffset: QueueOffset, consumerOffset: QueueOffset, lastTimestamp: WallTime
    ) {
      self.queue = queue
      self.brokerOffset = brokerOffset
      self.consumerOffset = consumerOffset
      self.lastTimestamp = lastTimestamp
    }
  }

  /// The queues.
  public var entries: [Entry]
  /// Messages a second that the group takes.
  public var consumeRate: Double

  /// Describes a group's progress.
  public init(_ entries: [Entry], consumeRate: Double) {
    self.entries = entries
    self.consumeRate = consumeRate
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    consumeRate = json["consumeTps"]?.double ?? 0
    entries = []
    for member in try json.table("offsetTable") {
      entries.append(
        Entry(
          queue: try member.key.queueKey(),
          brokerOffset: QueueOffset(try member.value.int64("brokerOffset", default: 0)),
          consumerOffset: QueueOffset(try member.value.int64("consumerOffset", default: 0)),
          lastTimestamp: WallTime(milliseconds: try member.value.int64("lastTimestamp", default: 0))))
    }
  }

  /// The JSON form; the queues are the keys.
  public var json: JSONValue {
    let table = entries.map {
      JSONMember(
        $0.queue.json,
        JSONValue(members: [
          "brokerOffset": JSONValue($0.brokerOffset.rawValue), "consumerOffset": JSONValue($0.consumerOffset.rawValue),
          "lastTimestamp": JSONValue($0.lastTimestamp.milliseconds),
        ]))
    }
    return JSONValue(members: ["consumeTps": .number(consumeRate), "offsetTable": .object(table)])
  }
}
