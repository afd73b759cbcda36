/// 329 DELETE_EXPIRED_COMMITLOG: remove log files that are old enough, at any hour.
public enum DeleteExpiredCommitLog {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .deleteExpiredCommitLog }

    /// Puts a request together.
    public init() {}
  }
}
