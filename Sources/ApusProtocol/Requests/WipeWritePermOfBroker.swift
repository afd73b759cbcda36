public import ApusBase

/// 205 WIPE_WRITE_PERM_OF_BROKER: take the write permission of a broker's queues away, until it registers changed
/// topics.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/namesrv/WipeWritePermOfBrokerRequestHeader.java
public enum WipeWritePermOfBroker {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .wipeWritePermOfBroker }

    /// The broker group.
    public var brokerName: String

    /// Puts a request together.
    public init(brokerName: String) {
      self.brokerName = brokerName
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      brokerName = try request.text("brokerName")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("brokerName", brokerName)
      ]
    }
  }

  /// The fields of the answer.
  public struct Response: Hashable, Sendable {
    /// How many topics were changed.
    public var topicCount: Int32

    /// Puts an answer together.
    public init(topicCount: Int32) {
      self.topicCount = topicCount
    }

    /// Reads an answer.
    public init(_ command: Command) throws(DecodeError) {
      topicCount = try command.number("wipeTopicCount")
    }

    /// The answer, still without a body.
    public var reply: Reply {
      Reply(fields: [ReplyField("wipeTopicCount", topicCount)])
    }
  }
}
