/// 314 CLONE_GROUP_OFFSET: a group takes over another's offsets.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/CloneGroupOffsetRequestHeader.java
public enum CloneGroupOffset {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .cloneGroupOffset }

    /// The group whose offsets are taken.
    public var sourceGroup: String
    /// The group that gets them.
    public var targetGroup: String
    /// The topic; nil or blank for all.
    public var topic: String?
    /// Whether topics count that the first group no longer subscribes to.
    public var isOffline: Bool

    /// Puts a request together.
    public init(sourceGroup: String, targetGroup: String, topic: String? = nil, isOffline: Bool = false) {
      self.sourceGroup = sourceGroup
      self.targetGroup = targetGroup
      self.topic = topic
      self.isOffline = isOffline
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      sourceGroup = try request.text("srcGroup")
      targetGroup = try request.text("destGroup")
      topic = request.text(optional: "topic")
      isOffline = request.bool("offline")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("srcGroup", sourceGroup)
      list.add("destGroup", targetGroup)
      list.add("topic", topic)
      list.add("offline", isOffline)
      return list.fields
    }
  }
}
