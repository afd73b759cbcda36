/// 319 GET_NAMESRV_CONFIG: all settings of a name server. The answer's body is a properties text.
public enum GetNamesrvConfig {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getNamesrvConfig }

    /// Puts a request together.
    public init() {}
  }
}
