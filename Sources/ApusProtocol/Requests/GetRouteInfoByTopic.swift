/// 105 GET_ROUTEINFO_BY_TOPIC: where a topic's queues are; 17 when nobody has it.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/namesrv/GetRouteInfoRequestHeader.java
public enum GetRouteInfoByTopic {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getRouteInfoByTopic }

    /// The topic.
    public var topic: String
    /// Whether the body must be JSON that any parser reads.
    public var acceptsStandardJSON: Bool

    /// Puts a request together.
    public init(topic: String, acceptsStandardJSON: Bool = false) {
      self.topic = topic
      self.acceptsStandardJSON = acceptsStandardJSON
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      acceptsStandardJSON = request.bool("acceptStandardJsonOnly")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("topic", topic),
        ReplyField("acceptStandardJsonOnly", acceptsStandardJSON),
      ]
    }
  }

  /// The body of the answer: the route.
  public typealias Response = TopicRouteData
}
