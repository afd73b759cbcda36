public import ApusBase
public import ApusModel

/// The queues that a client wants to consume in order, or does not want any more: the body of codes 41 and 42.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/LockBatchRequestBody.java
public struct LockRequestBody: JSONBody {
  /// The consumer group.
  public var group: String
  /// The client.
  public var clientID: String
  /// The queues.
  public var queues: [MessageQueue]

  /// Describes a wish.
  public init(group: String, clientID: String, queues: [MessageQueue]) {
    self.group = group
    self.clientID = clientID
    self.queues = queues
  }

  /// Reads the JSON form; an absent list is empty.
  public init(json: JSONValue) throws(DecodeError) {
    self.init(
      group: try json.requiredText("consumerGroup"), clientID: try json.requiredText("clientId"),
      queues: try json.list("mqSet") { element throws(DecodeError) in try MessageQueue(json: element) })
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "clientId": .string(clientID), "consumerGroup": .string(group), "mqSet": .array(queues.map(\.json)),
    ])
  }
}
