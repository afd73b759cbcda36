/// 308 QUERY_CORRECTION_OFFSET: the smallest offset that any group has in each queue of a topic.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/QueryCorrectionOffsetHeader.java
public enum QueryCorrectionOffset {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .queryCorrectionOffset }

    /// The topic.
    public var topic: String
    /// The group whose own offsets they are compared with.
    public var compareGroup: String
    /// Groups that do not count, separated by commas; nil for none.
    public var filterGroups: String?

    /// Puts a request together.
    public init(topic: String, compareGroup: String, filterGroups: String? = nil) {
      self.topic = topic
      self.compareGroup = compareGroup
      self.filterGroups = filterGroups
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      compareGroup = try request.text("compareGroup")
      filterGroups = request.text(optional: "filterGroups")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("topic", topic)
      list.add("compareGroup", compareGroup)
      list.add("filterGroups", filterGroups)
      return list.fields
    }
  }

  /// The body of the answer: the offsets.
  public typealias Response = CorrectionOffsets
}
