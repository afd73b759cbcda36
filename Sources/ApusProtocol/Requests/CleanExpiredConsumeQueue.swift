/// 306 CLEAN_EXPIRED_CONSUMEQUEUE: remove queue files whose messages are gone from the log.
public enum CleanExpiredConsumeQueue {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .cleanExpiredConsumeQueue }

    /// Puts a request together.
    public init() {}
  }
}
