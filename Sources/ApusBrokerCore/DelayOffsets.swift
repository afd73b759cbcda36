package import ApusBase

/// How far delayed messages were delivered: the content of `delayOffset.json` and the answer to code 45.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/schedule/DelayOffsetSerializeWrapper.java
package struct DelayOffsets: Hashable, Sendable {
  /// The offset of the next message to deliver by level, 1 being the first.
  package var levels: [Int: QueueOffset]
  /// The end of the last message delivered by this process: the offsets must not be durable before it is.
  package var end = PhysicalOffset.zero

  /// Holds offsets.
  package init(_ levels: [Int: QueueOffset] = [:]) { self.levels = levels }

  /// Reads the file's content. A level below 1 or an offset below 0 is left out, as nobody can mean it.
  package init(json: JSONValue) throws(DecodeError) {
    levels = [:]
    for member in json["offsetTable"]?.members ?? [] {
      guard let level = member.key.int32, let offset = member.value.int64 else {
        throw DecodeError(field: "offsetTable", offset: 0, reason: "a level or an offset is not a number")
      }
      if level > 0, offset >= 0 { levels[Int(level)] = QueueOffset(offset) }
    }
  }

  /// Integer keys, which fastjson writes without quotes.
  package var json: JSONValue {
    let members = levels.sorted { $0.key < $1.key }
      .map { JSONMember(.integer(Int64($0.key)), .integer($0.value.rawValue)) }
    return JSONValue(members: ["offsetTable": .object(members)])
  }
}
