public import ApusBase

/// How far every consumer group of a broker has come, by topic.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/ConsumeStatsList.java
public struct ConsumeStatsList: JSONBody {
  /// One group.
  public struct Group: Hashable, Sendable {
    /// The group.
    public var name: String
    /// Its progress in each topic.
    public var topics: [ConsumeStats]

    /// Describes a group.
    public init(_ name: String, _ topics: [ConsumeStats]) {
      self.name = name
      self.topics = topics
    }
  }

  /// The groups.
  public var groups: [Group]
  /// The broker's address.
  public var brokerAddress: String
  /// How many messages all groups together have not consumed.
  public var totalDifference: Int64

  /// Describes groups.
  public init(_ groups: [Group], brokerAddress: String, totalDifference: Int64) {
    self.groups = groups
    self.brokerAddress = brokerAddress
    self.totalDifference = totalDifference
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    var read: [Group] = []
    for element in try json.list("consumeStatsList", { element in element }) {
      for member in element.members ?? [] {
        var topics: [ConsumeStats] = []
        for topic in member.value.elements ?? [] { topics.append(try ConsumeStats(json: topic)) }
        read.append(Group(member.key.text ?? "", topics))
      }
    }
    self.init(
      read, brokerAddress: json["brokerAddr"]?.text ?? "", totalDifference: try json.int64("totalDiff", default: 0))
  }

  /// The JSON form.
  public var json: JSONValue {
    let list = groups.map { group in
      JSONValue.object([JSONMember(group.name, .array(group.topics.map(\.json)))])
    }
    return JSONValue(members: [
      "brokerAddr": .string(brokerAddress), "consumeStatsList": .array(list), "totalDiff": JSONValue(totalDifference),
    ])
  }
}
