public import ApusBase

/// How a consumer gets its messages.
public enum ConsumeType: String, JSONName {
  /// It pulls when it likes.
  case actively = "CONSUME_ACTIVELY"
  /// Its listener is called.
  case passively = "CONSUME_PASSIVELY"
}

/// Who of a group gets a message.
public enum MessageModel: String, JSONName {
  /// Every member.
  case broadcasting = "BROADCASTING"
  /// One member.
  case clustering = "CLUSTERING"
}

/// Where a group without a stored offset starts.
public enum ConsumeFromWhere: String, JSONName {
  /// At the end.
  case lastOffset = "CONSUME_FROM_LAST_OFFSET"
  /// Deprecated by Java.
  case lastOffsetAndFromMinWhenBootFirst = "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST"
  /// Deprecated by Java.
  case minOffset = "CONSUME_FROM_MIN_OFFSET"
  /// Deprecated by Java.
  case maxOffset = "CONSUME_FROM_MAX_OFFSET"
  /// At the oldest message.
  case firstOffset = "CONSUME_FROM_FIRST_OFFSET"
  /// At a moment.
  case timestamp = "CONSUME_FROM_TIMESTAMP"
}

/// One consumer group of a client.
public struct ConsumerData: JSONBody {
  /// The group.
  public var group: String
  /// How it gets its messages.
  public var consumeType: ConsumeType
  /// Who of the group gets a message.
  public var messageModel: MessageModel
  /// Where it starts.
  public var consumeFromWhere: ConsumeFromWhere
  /// What it wants.
  public var subscriptions: [SubscriptionData]
  /// Whether it belongs to a unit of a deployment.
  public var unitMode: Bool

  /// Describes a consumer.
  public init(
    group: String, consumeType: ConsumeType = .passively, messageModel: MessageModel = .clustering,
    consumeFromWhere: ConsumeFromWhere = .lastOffset, subscriptions: [SubscriptionData] = [], unitMode: Bool = false
  ) {
    self.group = group
    self.consumeType = consumeType
    self.messageModel = messageModel
    self.consumeFromWhere = consumeFromWhere
    self.subscriptions = subscriptions
    self.unitMode = unitMode
  }

  /// Reads the JSON form; enumerations by name or number.
  public init(json: JSONValue) throws(DecodeError) {
    self.init(
      group: try json.requiredText("groupName"), consumeType: ConsumeType(json, "consumeType", default: .passively),
      messageModel: MessageModel(json, "messageModel", default: .clustering),
      consumeFromWhere: ConsumeFromWhere(json, "consumeFromWhere", default: .lastOffset),
      subscriptions: try json.list("subscriptionDataSet") { element throws(DecodeError) in
        try SubscriptionData(json: element)
      },
      unitMode: json.bool("unitMode", default: false))
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "consumeFromWhere": consumeFromWhere.json, "consumeType": consumeType.json, "groupName": .string(group),
      "messageModel": messageModel.json, "subscriptionDataSet": .array(subscriptions.map(\.json)),
      "unitMode": .bool(unitMode),
    ])
  }
}

/// What a client says every 30 seconds: who it is and which groups it is in.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/heartbeat/HeartbeatData.java
public struct HeartbeatData: JSONBody {
  /// The client.
  public var clientID: String
  /// The groups it produces for.
  public var producerGroups: [String]
  /// The groups it consumes for.
  public var consumers: [ConsumerData]

  /// Describes a client.
  public init(clientID: String, producerGroups: [String] = [], consumers: [ConsumerData] = []) {
    self.clientID = clientID
    self.producerGroups = producerGroups
    self.consumers = consumers
  }

  /// Reads the JSON form; absent lists are empty.
  public init(json: JSONValue) throws(DecodeError) {
    self.init(
      clientID: try json.requiredText("clientID"),
      producerGroups: try json.list("producerDataSet") { element throws(DecodeError) in
        try element.requiredText("groupName")
      },
      consumers: try json.list("consumerDataSet") { element throws(DecodeError) in try ConsumerData(json: element) })
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "clientID": .string(clientID), "consumerDataSet": .array(consumers.map(\.json)),
      "producerDataSet": .array(producerGroups.map { JSONValue(members: ["groupName": .string($0)]) }),
    ])
  }
}
