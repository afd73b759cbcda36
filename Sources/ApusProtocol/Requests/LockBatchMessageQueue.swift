/// 41 LOCK_BATCH_MQ: a client wants to consume queues in order, or to go on doing so.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/processor/AdminBrokerProcessor.java
public enum LockBatchMessageQueue {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .lockBatchMessageQueue }

    /// Who wants which queues.
    public var wish: LockRequestBody

    /// Puts a request together.
    public init(_ wish: LockRequestBody) { self.wish = wish }

    /// Reads a request; refuses one whose body cannot be read.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      wish = try request.json(LockRequestBody.self)
    }

    /// The body.
    public var body: [UInt8] { wish.bytes() }
  }

  /// The body of the answer: the queues that are the client's now.
  public typealias Response = LockResponseBody
}
