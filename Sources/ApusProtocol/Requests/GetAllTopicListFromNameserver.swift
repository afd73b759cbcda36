/// 206 GET_ALL_TOPIC_LIST_FROM_NAMESERVER: the names of all topics.
public enum GetAllTopicListFromNameserver {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getAllTopicListFromNameserver }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the names.
  public typealias Response = TopicList
}
