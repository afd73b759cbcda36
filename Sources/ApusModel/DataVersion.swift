public import ApusBase

/// Which state of a broker's topics (or groups) a table shows: two tables with the same version are the same.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/DataVersion.java
public struct DataVersion: Hashable, Sendable {
  /// When the table last changed.
  public var timestamp: WallTime
  /// How often it has changed.
  public var counter: Int64

  /// The version of a table that has changed `counter` times.
  public init(timestamp: WallTime, counter: Int64 = 0) {
    self.timestamp = timestamp
    self.counter = counter
  }

  /// Marks a change.
  public mutating func advance(now: WallTime) {
    timestamp = now
    counter &+= 1
  }

  /// Reads the JSON form; both members count as 0 when they are absent.
  public init(json: JSONValue) throws(DecodeError) {
    self.init(
      timestamp: WallTime(milliseconds: try json.int64("timestamp", default: 0)),
      counter: try json.int64("counter", default: 0))
  }

  /// The JSON form, members in Java's order.
  public var json: JSONValue {
    JSONValue(members: ["counter": JSONValue(counter), "timestamp": JSONValue(timestamp.milliseconds)])
  }
}
