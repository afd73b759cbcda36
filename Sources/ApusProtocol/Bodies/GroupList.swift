public import ApusBase

/// Names of groups.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/GroupList.java
public struct GroupList: JSONBody {
  /// The names.
  public var groups: [String]

  /// Lists names.
  public init(_ groups: [String]) { self.groups = groups }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) { groups = json["groupList"]?.texts ?? [] }

  /// The JSON form.
  public var json: JSONValue { JSONValue(members: ["groupList": JSONValue(groups)]) }
}
