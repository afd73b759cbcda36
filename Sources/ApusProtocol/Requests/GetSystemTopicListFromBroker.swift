/// 305 GET_SYSTEM_TOPIC_LIST_FROM_BROKER: the names of a broker's own topics.
public enum GetSystemTopicListFromBroker {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getSystemTopicListFromBroker }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the names.
  public typealias Response = TopicList
}
