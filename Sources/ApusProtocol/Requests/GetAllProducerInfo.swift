/// 328 GET_ALL_PRODUCER_INFO: every producer that is connected.
public enum GetAllProducerInfo {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getAllProducerInfo }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the producers by group.
  public typealias Response = ProducerTable
}
