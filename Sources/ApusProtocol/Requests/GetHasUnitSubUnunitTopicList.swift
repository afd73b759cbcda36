/// 313 GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: the names of topics with the flag of unit subscribers but without the unit
/// flag.
public enum GetHasUnitSubUnunitTopicList {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getHasUnitSubUnunitTopicList }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the names.
  public typealias Response = TopicList
}
