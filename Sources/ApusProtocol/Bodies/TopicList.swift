public import ApusBase

/// Names of topics.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/TopicList.java
public struct TopicList: JSONBody {
  /// The names.
  public var topics: [String]
  /// A broker that answers for them; only some requests fill it in.
  public var brokerAddress: String?

  /// Lists names.
  public init(_ topics: [String], brokerAddress: String? = nil) {
    self.topics = topics
    self.brokerAddress = brokerAddress
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    self.init(json["topicList"]?.texts ?? [], brokerAddress: json["brokerAddr"]?.text)
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: ["brokerAddr": JSONValue(brokerAddress), "topicList": JSONValue(topics)])
  }
}
