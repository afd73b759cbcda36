public import ApusBase

/// 46 CHECK_CLIENT_CONFIG: a consumer asks whether the broker can filter by its condition before it starts.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/CheckClientRequestBody.java
public struct CheckClientConfig: JSONBody {
  /// The client; nil when it does not say.
  public var clientID: String?
  /// The consumer group; nil when it does not say.
  public var group: String?
  /// What the group wants; nil when it does not say.
  public var subscription: SubscriptionData?

  /// Asks for a group.
  public init(clientID: String?, group: String?, subscription: SubscriptionData?) {
    self.clientID = clientID
    self.group = group
    self.subscription = subscription
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    clientID = json["clientId"]?.text
    group = json["group"]?.text
    if let data = json["subscriptionData"], !data.isNull { subscription = try SubscriptionData(json: data) }
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "clientId": JSONValue(clientID), "group": JSONValue(group), "subscriptionData": subscription?.json ?? .null,
    ])
  }
}
