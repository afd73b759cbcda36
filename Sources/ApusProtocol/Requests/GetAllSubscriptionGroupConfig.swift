/// 201 GET_ALL_SUBSCRIPTIONGROUP_CONFIG: all consumer groups of a broker.
public enum GetAllSubscriptionGroupConfig {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getAllSubscriptionGroupConfig }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the groups.
  public typealias Response = SubscriptionGroupTable
}
