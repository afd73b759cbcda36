public import ApusBase
public import ApusModel

/// The topics of a broker with their version: the content of `topics.json`, the answer to 21 and the heart of a
/// registration. Java calls it TopicConfigSerializeWrapper.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/TopicConfigSerializeWrapper.java
public struct TopicTable: JSONBody {
  /// Which state of the topics this is.
  public var version: DataVersion
  /// The topics, each name once.
  public var topics: [TopicConfig]

  /// Describes a broker's topics.
  public init(version: DataVersion, topics: [TopicConfig]) {
    self.version = version
    self.topics = topics
  }

  /// Reads the JSON form. A topic that does not repeat its name takes it from its key.
  public init(json: JSONValue) throws(DecodeError) {
    version = try DataVersion(json: json["dataVersion"] ?? .null)
    topics = []
    for member in try json.table("topicConfigTable") {
      if case .object(let members) = member.value, member.value["topicName"]?.text == nil {
        topics.append(try TopicConfig(json: .object(members + [JSONMember("topicName", member.key)])))
      } else {
        topics.append(try TopicConfig(json: member.value))
      }
    }
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "dataVersion": version.json, "topicConfigTable": .object(topics.map { JSONMember($0.name, $0.json) }),
    ])
  }
}
