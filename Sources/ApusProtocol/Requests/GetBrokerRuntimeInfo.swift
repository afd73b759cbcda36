/// 28 GET_BROKER_RUNTIME_INFO: numbers about a running broker.
public enum GetBrokerRuntimeInfo {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getBrokerRuntimeInfo }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the numbers by name.
  public typealias Response = KVTable
}
