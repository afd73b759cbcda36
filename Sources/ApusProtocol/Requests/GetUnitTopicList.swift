/// 311 GET_UNIT_TOPIC_LIST: the names of topics with the unit flag.
public enum GetUnitTopicList {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getUnitTopicList }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the names.
  public typealias Response = TopicList
}
