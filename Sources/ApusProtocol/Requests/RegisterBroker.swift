public import ApusBase

/// 103 REGISTER_BROKER: a broker tells a name server where it listens and which topics it has.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/namesrv/RegisterBrokerRequestHeader.java
public enum RegisterBroker {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .registerBroker }

    /// The broker group.
    public var brokerName: String
    /// Where the broker listens, `host:port`.
    public var brokerAddress: String
    /// The cluster.
    public var clusterName: String
    /// Where its replicas fetch from, `host:port`.
    public var haServerAddress: String
    /// The broker id; 0 is the master.
    public var brokerID: Int64
    /// Whether the body is deflated.
    public var isCompressed: Bool
    /// The CRC-32 of the body as sent, its sign bit cleared; 0 when it is not to be checked.
    public var bodyCRC: Int32
    /// The body as sent: a ``RegisterBrokerBody``, deflated when ``isCompressed``.
    public var body: [UInt8]

    /// Puts a registration together and computes the body's CRC.
    public init(
      brokerName: String, brokerAddress: String, clusterName: String, haServerAddress: String, brokerID: Int64,
      isCompressed: Bool = false, body: [UInt8]
    ) {
      self.brokerName = brokerName
      self.brokerAddress = brokerAddress
      self.clusterName = clusterName
      self.haServerAddress = haServerAddress
      self.brokerID = brokerID
      self.isCompressed = isCompressed
      self.bodyCRC = CRC32.body(body.rawSpan)
      self.body = body
    }

    /// Reads a request; refuses one whose required fields are missing or wrong and one whose body is not what was sent.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      brokerName = try request.text("brokerName")
      brokerAddress = try request.text("brokerAddr")
      clusterName = try request.text("clusterName")
      haServerAddress = try request.text("haServerAddr")
      brokerID = try request.int64("brokerId")
      isCompressed = request.bool("compressed")
      bodyCRC = try request.int32(optional: "bodyCrc32") ?? 0
      body = request.body.array
      guard bodyCRC == 0 || bodyCRC == CRC32.body(request.body) else {
        throw Refusal(.systemError, "crc32 not match")
      }
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("brokerName", brokerName), ReplyField("brokerAddr", brokerAddress),
        ReplyField("clusterName", clusterName), ReplyField("haServerAddr", haServerAddress),
        ReplyField("brokerId", brokerID), ReplyField("compressed", isCompressed), ReplyField("bodyCrc32", bodyCRC),
      ]
    }

    /// The content of a body that is not deflated; `version` is the broker's, from the request's header: old ones send
    /// only their topics.
    public func content(version: Int32) throws(DecodeError) -> RegisterBrokerBody {
      precondition(!isCompressed, "a deflated body must be inflated first")
      guard !body.isEmpty else {
        return RegisterBrokerBody(topics: try TopicTable(json: .null))
      }
      if version < RegisterBrokerBody.firstVersion { return RegisterBrokerBody(topics: try TopicTable(bytes: body)) }
      return try RegisterBrokerBody(bytes: body)
    }
  }

  /// What the name server tells a broker. The body, when there is one, is the ``KVTable`` of the order configuration.
  public struct Response: Hashable, Sendable {
    /// Where a replica fetches from: its master's address for that; nil on a master.
    public var haServerAddress: String?
    /// The master of a replica; nil on a master.
    public var masterAddress: String?
    /// The order configuration by topic; nil when there is none.
    public var orderConfiguration: KVTable?

    /// Puts an answer together.
    public init(haServerAddress: String? = nil, masterAddress: String? = nil, orderConfiguration: KVTable? = nil) {
      self.haServerAddress = haServerAddress
      self.masterAddress = masterAddress
      self.orderConfiguration = orderConfiguration
    }

    /// Reads an answer.
    public init(_ command: Command) throws(DecodeError) {
      haServerAddress = command["haServerAddr"]
      masterAddress = command["masterAddr"]
      orderConfiguration = command.body.isEmpty ? nil : try KVTable(bytes: command.body)
    }

    /// The answer.
    public var reply: Reply {
      var list = FieldList()
      list.add("haServerAddr", haServerAddress)
      list.add("masterAddr", masterAddress)
      return Reply(fields: list.fields, body: orderConfiguration?.bytes() ?? [])
    }
  }
}
