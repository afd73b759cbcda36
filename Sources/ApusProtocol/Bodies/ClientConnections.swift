public import ApusBase

/// One client that a broker is connected with.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/Connection.java
public struct ClientConnection: JSONBody {
  /// The client.
  public var clientID: String
  /// Its address, `host:port`.
  public var address: String
  /// The language it is written in.
  public var language: Language
  /// Its version.
  public var version: Int32

  /// Describes a connection.
  public init(clientID: String, address: String, language: Language, version: Int32) {
    self.clientID = clientID
    self.address = address
    self.language = language
    self.version = version
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    self.init(
      clientID: json["clientId"]?.text ?? "", address: json["clientAddr"]?.text ?? "",
      language: Language(name: json["language"]?.text ?? "OTHER"), version: try json.int32("version", default: 0))
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "clientAddr": .string(address), "clientId": .string(clientID), "language": .string(language.description),
      "version": JSONValue(version),
    ])
  }
}

/// The members of a producer group.
public struct ProducerConnection: JSONBody {
  /// The members.
  public var connections: [ClientConnection]

  /// Lists members.
  public init(_ connections: [ClientConnection]) { self.connections = connections }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    connections = try json.list("connectionSet") { element throws(DecodeError) in try ClientConnection(json: element) }
  }

  /// The JSON form.
  public var json: JSONValue { JSONValue(members: ["connectionSet": .array(connections.map(\.json))]) }
}

/// The members of a consumer group and what the group wants.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/ConsumerConnection.java
public struct ConsumerConnection: JSONBody {
  /// The members.
  public var connections: [ClientConnection]
  /// What the group wants, each topic once.
  public var subscriptions: [SubscriptionData]
  /// How the group gets its messages.
  public var consumeType: ConsumeType
  /// Who of the group gets a message.
  public var messageModel: MessageModel
  /// Where the group starts.
  public var consumeFromWhere: ConsumeFromWhere

  /// Describes a group.
  public init(
    connections: [ClientConnection], subscriptions: [SubscriptionData], consumeType: ConsumeType,
    messageModel: MessageModel, consumeFromWhere: ConsumeFromWhere
  ) {
    self.connections = connections
    self.subscriptions = subscriptions
    self.consumeType = consumeType
    self.messageModel = messageModel
    self.consumeFromWhere = consumeFromWhere
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    connections = try json.list("connectionSet") { element throws(DecodeError) in try ClientConnection(json: element) }
    subscriptions = []
    for member in try json.table("subscriptionTable") { subscriptions.append(try SubscriptionData(json: member.value)) }
    consumeType = ConsumeType(json, "consumeType", default: .passively)
    messageModel = MessageModel(json, "messageModel", default: .clustering)
    consumeFromWhere = ConsumeFromWhere(json, "consumeFromWhere", default: .lastOffset)
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "connectionSet": .array(connections.map(\.json)), "consumeFromWhere": consumeFromWhere.json,
      "consumeType": consumeType.json, "messageModel": messageModel.json,
      "subscriptionTable": .object(subscriptions.map { JSONMember($0.topic, $0.json) }),
    ])
  }
}
