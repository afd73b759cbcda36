public import ApusBase

/// 327 ADD_WRITE_PERM_OF_BROKER: give the write permission of a broker's queues back.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/namesrv/AddWritePermOfBrokerRequestHeader.java
public enum AddWritePermOfBroker {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .addWritePermOfBroker }

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
      topicCount = try command.number("addTopicCount")
    }

    /// The answer, still without a body.
    public var reply: Reply {
      Reply(fields: [ReplyField("addTopicCount", topicCount)])
    }
  }
}
