public import ApusBase

/// How far a broadcast consumer is with each queue, as clients keep it in a file of their own: a table whose keys are
/// objects, which only fastjson calls JSON.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:client/src/main/java/org/apache/rocketmq/client/consumer/store/OffsetSerializeWrapper.java
public struct LocalOffsetTable: JSONBody {
  /// The offsets.
  public var offsets: QueueOffsets

  /// Lists offsets.
  public init(_ offsets: QueueOffsets) { self.offsets = offsets }

  /// Reads the JSON form. An offset below 0 is refused.
  public init(json: JSONValue) throws(DecodeError) {
    offsets = try QueueOffsets(members: try json.table("offsetTable"))
    guard offsets.entries.allSatisfy({ $0.offset >= 0 }) else {
      throw DecodeError(field: "offsetTable", offset: 0, reason: "an offset is negative")
    }
  }

  /// The JSON form; the queues are the keys.
  public var json: JSONValue { JSONValue(members: ["offsetTable": offsets.json]) }
}
