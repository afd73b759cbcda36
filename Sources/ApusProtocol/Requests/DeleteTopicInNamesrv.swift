/// 216 DELETE_TOPIC_IN_NAMESRV: remove a topic's routes.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/namesrv/DeleteTopicFromNamesrvRequestHeader.java
public enum DeleteTopicInNamesrv {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .deleteTopicInNamesrv }

    /// The topic.
    public var topic: String
    /// Only those of this cluster; nil for all.
    public var clusterName: String?

    /// Puts a request together.
    public init(topic: String, clusterName: String? = nil) {
      self.topic = topic
      self.clusterName = clusterName
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      clusterName = request.text(optional: "clusterName")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("topic", topic)
      list.add("clusterName", clusterName)
      return list.fields
    }
  }
}
