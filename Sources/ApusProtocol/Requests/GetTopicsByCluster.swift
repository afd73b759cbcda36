/// 224 GET_TOPICS_BY_CLUSTER: the names of a cluster's topics.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetTopicsByClusterRequestHeader.java
public enum GetTopicsByCluster {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getTopicsByCluster }

    /// The cluster.
    public var cluster: String

    /// Puts a request together.
    public init(cluster: String) {
      self.cluster = cluster
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      cluster = try request.text("cluster")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("cluster", cluster)
      ]
    }
  }

  /// The body of the answer: the names.
  public typealias Response = TopicList
}
