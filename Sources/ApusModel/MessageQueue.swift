public import ApusBase

/// One queue of a topic in one broker group: the unit of ordering and of consumption.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/message/MessageQueue.java
public struct MessageQueue: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The topic.
  public var topic: String
  /// The broker group's name.
  public var brokerName: String
  /// The number of the queue in its topic, from 0.
  public var queueID: Int32

  /// Names a queue.
  public init(topic: String, brokerName: String, queueID: Int32) {
    self.topic = topic
    self.brokerName = brokerName
    self.queueID = queueID
  }

  /// Orders by topic, broker and number, as clients sort before they share queues out.
  public static func < (left: MessageQueue, right: MessageQueue) -> Bool {
    (left.topic, left.brokerName, left.queueID) < (right.topic, right.brokerName, right.queueID)
  }

  /// `topic/broker/number`, as logs name the queue.
  public var description: String { "\(topic)/\(brokerName)/\(queueID)" }

  /// Reads the JSON form; every member is required.
  public init(json: JSONValue) throws(DecodeError) {
    guard let queueID = json["queueId"]?.int32 else {
      throw DecodeError(field: "queueId", offset: 0, reason: "missing or no number of 32 bits")
    }
    self.init(
      topic: try json.requiredText("topic"), brokerName: try json.requiredText("brokerName"), queueID: queueID)
  }

  /// The JSON form, members in Java's order.
  public var json: JSONValue {
    JSONValue(members: [
      "brokerName": .string(brokerName), "queueId": JSONValue(queueID), "topic": .string(topic),
    ])
  }
}
