public import ApusBase
public import ApusModel

/// 52 GET_BROKER_CLUSTER_ACL_INFO: which states the files of access control are in.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetBrokerAclConfigResponseHeader.java
public enum GetBrokerClusterACLInfo {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getBrokerClusterACLInfo }

    /// Puts a request together.
    public init() {}
  }

  /// The answer: header fields only.
  public struct Response: Hashable, Sendable {
    /// The state of the usual file.
    public var version: DataVersion
    /// The state of every file, by its path, sorted.
    public var files: [(path: String, version: DataVersion)]
    /// Which broker answers.
    public var broker: String
    /// Where it is, `host:port`.
    public var address: String
    /// Its cluster.
    public var cluster: String

    /// Puts an answer together.
    public init(
      version: DataVersion, files: [(path: String, version: DataVersion)], broker: String, address: String,
      cluster: String
    ) {
      self.version = version
      self.files = files.sorted { $0.path < $1.path }
      self.broker = broker
      self.address = address
      self.cluster = cluster
    }

    /// Reads an answer.
    public init(_ command: Command) throws(DecodeError) {
      version = try DataVersion(json: try JSONParser.parse(try command.required("version")))
      let table = try JSONParser.parse(try command.required("allAclFileVersion"))
      files = []
      for member in table.members ?? [] {
        files.append((member.key.text ?? "", try DataVersion(json: member.value)))
      }
      broker = try command.required("brokerName")
      address = try command.required("brokerAddr")
      cluster = try command.required("clusterName")
    }

    /// The custom header fields, in Java's order.
    public var fields: [ReplyField] {
      let table = JSONValue.object(files.map { JSONMember(.string($0.path), $0.version.json) })
      return [
        ReplyField("allAclFileVersion", String(decoding: table.bytes(.fastjson), as: UTF8.self)),
        ReplyField("clusterName", cluster), ReplyField("brokerAddr", address), ReplyField("brokerName", broker),
        ReplyField("version", String(decoding: version.json.bytes(.fastjson), as: UTF8.self)),
      ]
    }

    /// Whether two answers say the same.
    public static func == (first: Response, second: Response) -> Bool {
      first.fields == second.fields
    }

    /// Hashes what ``==(_:_:)`` compares.
    public func hash(into hasher: inout Hasher) { hasher.combine(fields) }
  }
}
