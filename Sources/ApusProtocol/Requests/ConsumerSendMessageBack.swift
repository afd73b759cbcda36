import ApusBase

/// 36 CONSUMER_SEND_MSG_BACK: a consumer gives a message back that it could not handle, to get it again later.
///
/// | Field | Type | Required |
/// |---|---|---|
/// | offset | i64 | yes |
/// | group | text | yes |
/// | delayLevel | i32 | yes |
/// | originMsgId, originTopic | text | no |
/// | unitMode | bool | no |
/// | maxReconsumeTimes | i32 | no |
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/ConsumerSendMsgBackRequestHeader.java
public enum ConsumerSendMessageBack {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .consumerSendMessageBack }

    /// Where the record lies in the log.
    public var offset: Int64
    /// The consumer group.
    public var group: String
    /// 0 lets the broker choose by the number of tries, a negative one gives the message up.
    public var delayLevel: Int32
    /// The producer's id of the message; the broker does not use it.
    public var originMessageID: String?
    /// The topic as the consumer sees it; the broker does not use it.
    public var originTopic: String?
    /// Whether the consumer belongs to a unit of a deployment.
    public var unitMode = false
    /// How often the message may be tried; nil leaves it to the group's settings.
    public var maxReconsumeTimes: Int32?

    /// Puts a request together.
    public init(offset: Int64, group: String, delayLevel: Int32, maxReconsumeTimes: Int32? = nil) {
      self.offset = offset
      self.group = group
      self.delayLevel = delayLevel
      self.maxReconsumeTimes = maxReconsumeTimes
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      offset = try request.int64("offset")
      group = try request.required("group").text
      delayLevel = try request.int32("delayLevel")
      originMessageID = request.field("originMsgId")?.text
      originTopic = request.field("originTopic")?.text
      unitMode = request.bool("unitMode")
      maxReconsumeTimes = try request.int32(optional: "maxReconsumeTimes")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var fields = [
        ReplyField("offset", offset), ReplyField("group", group), ReplyField("delayLevel", Int64(delayLevel)),
        ReplyField("unitMode", unitMode ? "true" : "false"),
      ]
      if let originMessageID { fields.append(ReplyField("originMsgId", originMessageID)) }
      if let originTopic { fields.append(ReplyField("originTopic", originTopic)) }
      if let maxReconsumeTimes { fields.append(ReplyField("maxReconsumeTimes", Int64(maxReconsumeTimes))) }
      return fields
    }
  }
}
