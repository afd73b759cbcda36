public import ApusBase

/// What the messages of a topic carry as tags. Nobody selects by it: the tags of a message are one text for filters.
public enum TopicFilter: Int32, Hashable, Sendable {
  /// `SINGLE_TAG`: at most one tag a message.
  case singleTag = 0
  /// `MULTI_TAG`: several tags a message, which ``SysFlag/multiTags`` tells of each.
  case multiTag = 1

  /// Java's name.
  public var name: String { self == .singleTag ? "SINGLE_TAG" : "MULTI_TAG" }

  /// Reads Java's name or its number; nil for anything else.
  public init?(name: String) {
    switch name {
    case "SINGLE_TAG", "0": self = .singleTag
    case "MULTI_TAG", "1": self = .multiTag
    default: return nil
    }
  }
}

/// The settings of one topic on one broker, as `topics.json` and registrations hold them.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/TopicConfig.java
public struct TopicConfig: Hashable, Sendable {
  /// Set in ``systemFlag`` for a topic of one unit (cell) of a deployment.
  public static let unitFlag: Int32 = 1
  /// Set in ``systemFlag`` for a topic that consumers of a unit subscribe to.
  public static let unitSubscribedFlag: Int32 = 2

  /// The topic.
  public var name: String
  /// How many queues may be read.
  public var readQueueCount: Int32
  /// How many queues are written to.
  public var writeQueueCount: Int32
  /// What clients may do with its queues.
  public var permission: Permission
  /// What its messages carry as tags.
  public var filter: TopicFilter
  /// Unit flags: ``unitFlag``, ``unitSubscribedFlag``.
  public var systemFlag: Int32
  /// Whether the name server's order configuration lists it.
  public var isOrdered: Bool

  /// Describes a topic, with Java's defaults.
  public init(
    name: String, readQueueCount: Int32 = 16, writeQueueCount: Int32 = 16, permission: Permission = .readWrite,
    filter: TopicFilter = .singleTag, systemFlag: Int32 = 0, isOrdered: Bool = false
  ) {
    self.name = name
    self.readQueueCount = readQueueCount
    self.writeQueueCount = writeQueueCount
    self.permission = permission
    self.filter = filter
    self.systemFlag = systemFlag
    self.isOrdered = isOrdered
  }

  /// Reads the JSON form. The name is required; the rest has Java's defaults, an unknown filter counts as
  /// ``TopicFilter/singleTag``.
  public init(json: JSONValue) throws(DecodeError) {
    self.init(
      name: try json.requiredText("topicName"),
      readQueueCount: try json.int32("readQueueNums", default: 16),
      writeQueueCount: try json.int32("writeQueueNums", default: 16),
      permission: Permission(rawValue: try json.int32("perm", default: Permission.readWrite.rawValue)),
      filter: json["topicFilterType"]?.text.flatMap { TopicFilter(name: $0) } ?? .singleTag,
      systemFlag: try json.int32("topicSysFlag", default: 0),
      isOrdered: json.bool("order", default: false))
  }

  /// The JSON form, members in Java's order.
  public var json: JSONValue {
    JSONValue(members: [
      "order": .bool(isOrdered),
      "perm": JSONValue(permission.rawValue),
      "readQueueNums": JSONValue(readQueueCount),
      "topicFilterType": .string(filter.name),
      "topicName": .string(name),
      "topicSysFlag": JSONValue(systemFlag),
      "writeQueueNums": JSONValue(writeQueueCount),
    ])
  }
}
