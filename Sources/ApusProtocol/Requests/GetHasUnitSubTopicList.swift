/// 312 GET_HAS_UNIT_SUB_TOPIC_LIST: the names of topics with the flag of unit subscribers.
public enum GetHasUnitSubTopicList {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getHasUnitSubTopicList }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the names.
  public typealias Response = TopicList
}
