public import ApusBase
public import ApusModel

/// The queues that a client holds now: the body of the answer to code 41.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/LockBatchResponseBody.java
public struct LockResponseBody: JSONBody {
  /// The queues.
  public var queues: [MessageQueue]

  /// Lists queues.
  public init(_ queues: [MessageQueue]) { self.queues = queues }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    queues = try json.list("lockOKMQSet") { element throws(DecodeError) in try MessageQueue(json: element) }
  }

  /// The JSON form.
  public var json: JSONValue { JSONValue(members: ["lockOKMQSet": .array(queues.map(\.json))]) }
}
