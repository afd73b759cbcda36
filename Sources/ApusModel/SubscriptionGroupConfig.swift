public import ApusBase

/// The settings of one consumer group on one broker, as `subscriptionGroup.json` holds them.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/subscription/SubscriptionGroupConfig.java
public struct SubscriptionGroupConfig: Hashable, Sendable {
  /// The group.
  public var name: String
  /// Whether it may consume at all.
  public var consumeEnabled = true
  /// Whether a new consumer may start at the oldest message.
  public var consumeFromMinEnabled = true
  /// Whether its consumers may use broadcasting.
  public var consumeBroadcastEnabled = true
  /// How many queues its retry topic gets.
  public var retryQueueCount: Int32 = 1
  /// How often a message is tried again before it is dead.
  public var retryMaxTimes: Int32 = 16
  /// The broker id to read from, 0 for the master.
  public var brokerID: Int64 = 0
  /// The broker id suggested to a consumer that lags behind.
  public var whichBrokerWhenConsumeSlowly: Int64 = 1
  /// Whether members are told at once when another joins or leaves.
  public var notifyConsumerIDsChangedEnabled = true

  /// A group with Java's defaults.
  public init(name: String) { self.name = name }

  /// Reads the JSON form. The name is required; the rest has Java's defaults.
  public init(json: JSONValue) throws(DecodeError) {
    self.init(name: try json.requiredText("groupName"))
    consumeEnabled = json.bool("consumeEnable", default: true)
    consumeFromMinEnabled = json.bool("consumeFromMinEnable", default: true)
    consumeBroadcastEnabled = json.bool("consumeBroadcastEnable", default: true)
    retryQueueCount = try json.int32("retryQueueNums", default: 1)
    retryMaxTimes = try json.int32("retryMaxTimes", default: 16)
    brokerID = try json.int64("brokerId", default: 0)
    whichBrokerWhenConsumeSlowly = try json.int64("whichBrokerWhenConsumeSlowly", default: 1)
    notifyConsumerIDsChangedEnabled = json.bool("notifyConsumerIdsChangedEnable", default: true)
  }

  /// The JSON form, members in Java's order.
  public var json: JSONValue {
    JSONValue(members: [
      "brokerId": JSONValue(brokerID),
      "consumeBroadcastEnable": .bool(consumeBroadcastEnabled),
      "consumeEnable": .bool(consumeEnabled),
      "consumeFromMinEnable": .bool(consumeFromMinEnabled),
      "groupName": .string(name),
      "notifyConsumerIdsChangedEnable": .bool(notifyConsumerIDsChangedEnabled),
      "retryMaxTimes": JSONValue(retryMaxTimes),
      "retryQueueNums": JSONValue(retryQueueCount),
      "whichBrokerWhenConsumeSlowly": JSONValue(whichBrokerWhenConsumeSlowly),
    ])
  }
}
