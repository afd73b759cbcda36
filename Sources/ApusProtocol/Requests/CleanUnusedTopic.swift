/// 316 CLEAN_UNUSED_TOPIC: remove the queues of topics that do not exist any more.
public enum CleanUnusedTopic {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .cleanUnusedTopic }

    /// Puts a request together.
    public init() {}
  }
}
