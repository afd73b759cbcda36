/// 304 GET_SYSTEM_TOPIC_LIST_FROM_NS: the names of clusters and broker groups, which are topics too.
public enum GetSystemTopicListFromNameserver {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getSystemTopicListFromNs }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the names.
  public typealias Response = TopicList
}
