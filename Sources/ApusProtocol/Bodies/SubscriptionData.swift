public import ApusBase
import ApusModel

/// Which messages of a topic a consumer wants.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/heartbeat/SubscriptionData.java
public struct SubscriptionData: JSONBody {
  /// The expression that selects everything.
  public static let all = "*"
  /// The language of tags.
  public static let tagExpression = "TAG"
  /// The language of SQL conditions.
  public static let sqlExpression = "SQL92"

  /// The topic.
  public var topic: String
  /// The expression: `*`, `TagA || TagB`, or an SQL condition.
  public var expression: String
  /// The language of the expression; ``tagExpression`` unless told.
  public var expressionType: String
  /// The tags of a tag expression; empty for all.
  public var tags: [String]
  /// Java's hashes of the tags, as consume queues hold them.
  public var tagCodes: [Int32]
  /// Grows with every change of the subscription: usually milliseconds, nanoseconds from Go clients.
  public var version: Int64
  /// The relic of filter classes.
  public var usesFilterClass: Bool

  /// Describes a subscription to everything unless told.
  public init(
    topic: String, expression: String = SubscriptionData.all, expressionType: String = SubscriptionData.tagExpression,
    tags: [String] = [], tagCodes: [Int32] = [], version: Int64 = 0, usesFilterClass: Bool = false
  ) {
    self.topic = topic
    self.expression = expression
    self.expressionType = expressionType
    self.tags = tags
    self.tagCodes = tagCodes
    self.version = version
    self.usesFilterClass = usesFilterClass
  }

  /// Reads the JSON form. C++ clients send no tags, no codes, no type and the version as a text; the codes then follow
  /// from the expression of tags.
  public init(json: JSONValue) throws(DecodeError) {
    self.init(
      topic: try json.requiredText("topic"), expression: json["subString"]?.text ?? Self.all,
      expressionType: json["expressionType"]?.text ?? Self.tagExpression, tags: json["tagsSet"]?.texts ?? [],
      tagCodes: json["codeSet"]?.elements?.compactMap(\.int32) ?? [], version: try json.int64("subVersion", default: 0),
      usesFilterClass: json.bool("classFilterMode", default: false))
    if json["codeSet"] == nil, expressionType == Self.tagExpression { readTags() }
  }

  /// Fills tags and codes from an expression of tags, as Java's client does before it sends them.
  public mutating func readTags() {
    tags = expression == Self.all ? [] : TagExpression.tags(expression) ?? []
    tagCodes = tags.map(JavaHash.hash)
  }

  /// Whether the expression is one of tags: so is one without a language.
  public var isTagExpression: Bool { expressionType.isEmpty || expressionType == Self.tagExpression }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "classFilterMode": .bool(usesFilterClass), "codeSet": .array(tagCodes.map { JSONValue($0) }),
      "expressionType": .string(expressionType), "subString": .string(expression),
      "subVersion": JSONValue(version), "tagsSet": JSONValue(tags), "topic": .string(topic),
    ])
  }
}
