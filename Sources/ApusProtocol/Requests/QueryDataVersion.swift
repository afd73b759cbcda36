public import ApusBase
public import ApusModel

/// 322 QUERY_DATA_VERSION: a broker asks whether a name server has its newest topics.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/namesrv/QueryDataVersionRequestHeader.java
public enum QueryDataVersion {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .queryDataVersion }

    /// The broker group.
    public var brokerName: String
    /// Where the broker listens, `host:port`.
    public var brokerAddress: String
    /// The cluster.
    public var clusterName: String
    /// The broker id; 0 is the master.
    public var brokerID: Int64
    /// The broker's version of its topics.
    public var version: DataVersion

    /// Puts a request together.
    public init(
      brokerName: String, brokerAddress: String, clusterName: String, brokerID: Int64, version: DataVersion
    ) {
      self.brokerName = brokerName
      self.brokerAddress = brokerAddress
      self.clusterName = clusterName
      self.brokerID = brokerID
      self.version = version
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      brokerName = try request.text("brokerName")
      brokerAddress = try request.text("brokerAddr")
      clusterName = try request.text("clusterName")
      brokerID = try request.int64("brokerId")
      do throws(DecodeError) {
        version = try DataVersion(json: try JSONParser.parse(request.body))
      } catch {
        throw Refusal(.systemError, "the body cannot be read: \(error)")
      }
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("brokerName", brokerName), ReplyField("brokerAddr", brokerAddress),
        ReplyField("clusterName", clusterName), ReplyField("brokerId", brokerID),
      ]
    }

    /// The body.
    public var body: [UInt8] { version.json.bytes() }
  }

  /// Whether the broker must register.
  public struct Response: Hashable, Sendable {
    /// Whether the name server has other topics than the broker.
    public var changed: Bool
    /// The name server's version; nil when it does not know the broker.
    public var version: DataVersion?

    /// Puts an answer together.
    public init(changed: Bool, version: DataVersion?) {
      self.changed = changed
      self.version = version
    }

    /// Reads an answer.
    public init(_ command: Command) throws(DecodeError) {
      changed = try command.required("changed").lowercased() == "true"
      version = command.body.isEmpty ? nil : try DataVersion(json: try JSONParser.parse(command.body.rawSpan))
    }

    /// The answer.
    public var reply: Reply { Reply(fields: [ReplyField("changed", changed)], body: version?.json.bytes() ?? []) }
  }
}
