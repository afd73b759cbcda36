/// 21 GET_ALL_TOPIC_CONFIG: all topics of a broker.
public enum GetAllTopicConfig {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getAllTopicConfig }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the topics.
  public typealias Response = TopicTable
}
