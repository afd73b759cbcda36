package import ApusFilter
package import ApusProtocol

/// What a consumer group wants of one topic, as a heartbeat says, ready to filter pulls.
package final class GroupSubscription: Sendable {
  /// As the heartbeat says. C++ clients send no tags; they are made from the expression then.
  package let data: SubscriptionData
  /// The filter for pulls; nil when the expression is not one of tags, or cannot be read.
  package let filter: Subscription?
  /// The SQL condition for pulls, of a version of its own; nil when the expression is another, or cannot be read.
  package let condition: SQLExpression?
  /// The version of ``condition``; nil without one.
  package let conditionVersion: Int64?
  /// About how much memory it takes, in bytes: texts of clients may be as long as a request.
  package let bytes: Int

  /// Reads a heartbeat's subscription. `filter` is what the broker knows of the group's condition on the topic.
  package init(_ data: SubscriptionData, filter known: ConsumerFilter? = nil) {
    self.data = data
    filter = data.isTagExpression ? Subscription(tagExpression: data.expression) : nil
    let isCondition = data.expressionType == SubscriptionData.sqlExpression
    condition = isCondition ? known?.condition : nil
    conditionVersion = isCondition && known?.condition != nil ? known?.version : nil
    // The filter has the tags of the expression once more.
    let tagBytes = data.tags.reduce(0) { $0 + $1.utf8.count + 16 } + 4 * data.tagCodes.count
    let textBytes = data.topic.utf8.count + data.expressionType.utf8.count + 2 * data.expression.utf8.count
    bytes = 256 + textBytes + tagBytes + 20 * (filter?.tags.count ?? 0)
  }

  /// Whether it takes the place of another: it is newer, or the same with a condition that had no room among the
  /// broker's before.
  func replaces(_ other: GroupSubscription) -> Bool {
    version > other.version || (version == other.version && other.condition == nil && condition != nil)
  }

  /// The topic.
  package var topic: String { data.topic }
  /// When the client made the subscription; the newest counts. Milliseconds in Java, nanoseconds in Go.
  package var version: Int64 { data.version }
}
