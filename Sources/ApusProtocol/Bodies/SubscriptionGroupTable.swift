public import ApusBase
public import ApusModel

/// The consumer groups of a broker with their version: the content of `subscriptionGroup.json` and the answer to 201.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/SubscriptionGroupWrapper.java
public struct SubscriptionGroupTable: JSONBody {
  /// Which state of the groups this is.
  public var version: DataVersion
  /// The groups, each name once.
  public var groups: [SubscriptionGroupConfig]

  /// Describes a broker's groups.
  public init(version: DataVersion, groups: [SubscriptionGroupConfig]) {
    self.version = version
    self.groups = groups
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    version = try DataVersion(json: json["dataVersion"] ?? .null)
    groups = []
    for member in try json.table("subscriptionGroupTable") {
      groups.append(try SubscriptionGroupConfig(json: member.value))
    }
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "dataVersion": version.json, "subscriptionGroupTable": .object(groups.map { JSONMember($0.name, $0.json) }),
    ])
  }
}
