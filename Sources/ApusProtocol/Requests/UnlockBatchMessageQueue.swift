/// 42 UNLOCK_BATCH_MQ: a client gives queues back that it consumed in order.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/processor/AdminBrokerProcessor.java
public enum UnlockBatchMessageQueue {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .unlockBatchMessageQueue }

    /// Who gives back which queues.
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
}
