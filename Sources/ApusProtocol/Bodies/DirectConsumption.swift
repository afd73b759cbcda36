public import ApusBase

/// What came of a message that a consumer was made to consume at once: its answer to code 309.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/ConsumeMessageDirectlyResult.java
public struct DirectConsumption: JSONBody {
  /// What the listener made of it.
  public enum Outcome: String, JSONName {
    /// It is consumed.
    case success = "CR_SUCCESS"
    /// It would have come again later.
    case later = "CR_LATER"
    /// In order: rolled back.
    case rollback = "CR_ROLLBACK"
    /// In order: committed.
    case commit = "CR_COMMIT"
    /// The listener threw an error.
    case failed = "CR_THROW_EXCEPTION"
    /// The listener answered nothing.
    case nothing = "CR_RETURN_NULL"
  }

  /// Whether the consumer takes messages in order.
  public var isOrderly: Bool
  /// In order: whether progress is committed by itself.
  public var commitsByItself: Bool
  /// What the listener made of it; nil where nobody says.
  public var outcome: Outcome?
  /// What went wrong, for people; nil for nothing.
  public var remark: String?
  /// How long it took, in milliseconds.
  public var milliseconds: Int64

  /// Describes an outcome.
  public init(
    isOrderly: Bool, commitsByItself: Bool = true, outcome: Outcome?, remark: String? = nil, milliseconds: Int64
  ) {
    self.isOrderly = isOrderly
    self.commitsByItself = commitsByItself
    self.outcome = outcome
    self.remark = remark
    self.milliseconds = milliseconds
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    isOrderly = json["order"]?.bool ?? false
    commitsByItself = json["autoCommit"]?.bool ?? true
    outcome = json["consumeResult"]?.text.flatMap { Outcome(rawValue: $0) }
    remark = json["remark"]?.text
    milliseconds = try json.int64("spentTimeMills", default: 0)
  }

  /// The JSON form.
  public var json: JSONValue {
    var members = [JSONMember("autoCommit", .bool(commitsByItself))]
    if let outcome { members.append(JSONMember("consumeResult", outcome.json)) }
    members.append(JSONMember("order", .bool(isOrderly)))
    if let remark { members.append(JSONMember("remark", .string(remark))) }
    members.append(JSONMember("spentTimeMills", JSONValue(milliseconds)))
    return .object(members)
  }
}
