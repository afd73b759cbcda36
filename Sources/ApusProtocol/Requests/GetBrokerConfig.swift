public import ApusBase

/// 26 GET_BROKER_CONFIG: all settings of a broker. The answer's body is a properties text.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetBrokerConfigResponseHeader.java
public enum GetBrokerConfig {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getBrokerConfig }

    /// Puts a request together.
    public init() {}
  }

  /// The fields of the answer.
  public struct Response: Hashable, Sendable {
    /// The data version of the settings, JSON.
    public var version: String

    /// Puts an answer together.
    public init(version: String) {
      self.version = version
    }

    /// Reads an answer.
    public init(_ command: Command) throws(DecodeError) {
      version = try command.required("version")
    }

    /// The answer, still without a body.
    public var reply: Reply {
      Reply(fields: [ReplyField("version", version)])
    }
  }
}
