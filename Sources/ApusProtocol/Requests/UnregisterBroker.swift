/// 104 UNREGISTER_BROKER: a broker leaves.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/namesrv/UnRegisterBrokerRequestHeader.java
public enum UnregisterBroker {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .unregisterBroker }

    /// The broker group.
    public var brokerName: String
    /// Where the broker listens, `host:port`.
    public var brokerAddress: String
    /// The cluster.
    public var clusterName: String
    /// The broker id; 0 is the master.
    public var brokerID: Int64

    /// Puts a request together.
    public init(brokerName: String, brokerAddress: String, clusterName: String, brokerID: Int64) {
      self.brokerName = brokerName
      self.brokerAddress = brokerAddress
      self.clusterName = clusterName
      self.brokerID = brokerID
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      brokerName = try request.text("brokerName")
      brokerAddress = try request.text("brokerAddr")
      clusterName = try request.text("clusterName")
      brokerID = try request.int64("brokerId")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("brokerName", brokerName),
        ReplyField("brokerAddr", brokerAddress),
        ReplyField("clusterName", clusterName),
        ReplyField("brokerId", brokerID),
      ]
    }
  }
}
