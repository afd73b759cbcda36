import ApusProtocol

/// Which messages of a topic a consumer wants.
public struct Subscription: Hashable, Sendable {
  /// How messages are selected.
  public enum Selector: Hashable, Sendable {
    /// Every message.
    case all
    /// Those with one of these tags: `a`, or `a || b`. Empty and `*` mean every message.
    case tags(String)
    /// Those whose properties fulfil a condition (SQL92): `region = 'EU' AND amount > 10`. A broker that cannot read it
    /// refuses it when the consumer starts, with ``ClientError/Code/badExpression``. RocketMQ needs
    /// `enablePropertyFilter=true`.
    case sql(String)
  }

  /// The topic.
  public var topic: String
  /// How its messages are selected.
  public var selector: Selector

  /// Subscribes to a topic.
  public init(_ topic: String, _ selector: Selector = .all) {
    self.topic = topic
    self.selector = selector
  }

  /// The wire's form; `version` grows with every change.
  func data(topic: String, version: Int64) -> SubscriptionData {
    var data: SubscriptionData
    switch selector {
    case .all: data = SubscriptionData(topic: topic, version: version)
    case .tags(let expression):
      data = SubscriptionData(topic: topic, expression: expression.isEmpty ? "*" : expression, version: version)
      data.readTags()
    case .sql(let expression):
      data = SubscriptionData(
        topic: topic, expression: expression, expressionType: SubscriptionData.sqlExpression, version: version)
    }
    return data
  }
}
