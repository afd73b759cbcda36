import ApusBase
package import ApusFilter
import ApusModel

/// What a pull wants by its records' properties, where queue entries do not tell.
package enum RecordCondition: Sendable {
  /// One condition for all.
  case condition(SQLExpression)
  /// For retried messages: each is held to its group's condition on the topic it was sent to, if there is one.
  case retried(conditions: [String: SQLExpression])

  /// Whether a stored record is wanted, or cannot be read.
  func matches(_ bytes: RawSpan) -> Bool {
    do throws(DecodeError) {
      let record = try StoredRecord(bytes)
      switch self {
      case .condition(let condition): return condition.matches(record.properties)
      case .retried(let conditions):
        guard let topic = record.properties.value(of: PropertyName.retryTopic),
          let condition = conditions[topic.text]
        else { return true }
        return condition.matches(record.properties)
      }
    } catch {
      // It is looked at again before it is served, and told then.
      return true
    }
  }
}
