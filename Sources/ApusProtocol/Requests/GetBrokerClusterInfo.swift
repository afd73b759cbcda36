/// 106 GET_BROKER_CLUSTER_INFO: all clusters and brokers.
public enum GetBrokerClusterInfo {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getBrokerClusterInfo }

    /// Puts a request together.
    public init() {}
  }

  /// The body of the answer: the clusters.
  public typealias Response = ClusterInfo
}
