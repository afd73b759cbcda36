/// 43 GET_ALL_CONSUMER_OFFSET: the committed offsets of all groups.
public enum GetAllConsumerOffset {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getAllConsumerOffset }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the offsets.
  public typealias Response = ConsumerOffsetTable
}
