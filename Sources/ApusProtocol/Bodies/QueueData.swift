public import ApusBase
public import ApusModel

/// The queues that one broker group has of a topic.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/route/QueueData.java
public struct QueueData: JSONBody {
  /// The broker group.
  public var brokerName: String
  /// How many queues may be read.
  public var readQueueCount: Int32
  /// How many queues are written to.
  public var writeQueueCount: Int32
  /// What clients may do with them.
  public var permission: Permission
  /// Unit flags as in ``TopicConfig``.
  public var systemFlag: Int32

  /// Describes a group's queues.
  public init(
    brokerName: String, readQueueCount: Int32, writeQueueCount: Int32, permission: Permission, systemFlag: Int32 = 0
  ) {
    self.brokerName = brokerName
    self.readQueueCount = readQueueCount
    self.writeQueueCount = writeQueueCount
    self.permission = permission
    self.systemFlag = systemFlag
  }

  /// Reads the JSON form; old brokers call `topicSysFlag` `topicSynFlag`.
  public init(json: JSONValue) throws(DecodeError) {
    self.init(
      brokerName: try json.requiredText("brokerName"), readQueueCount: try json.int32("readQueueNums", default: 0),
      writeQueueCount: try json.int32("writeQueueNums", default: 0),
      permission: Permission(rawValue: try json.int32("perm", default: 0)),
      systemFlag: try json.int32("topicSysFlag", default: try json.int32("topicSynFlag", default: 0)))
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "brokerName": .string(brokerName), "perm": JSONValue(permission.rawValue),
      "readQueueNums": JSONValue(readQueueCount), "topicSysFlag": JSONValue(systemFlag),
      "writeQueueNums": JSONValue(writeQueueCount),
    ])
  }
}
