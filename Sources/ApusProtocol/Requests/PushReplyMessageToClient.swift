public import ApusBase

/// 326 PUSH_REPLY_MESSAGE_TO_CLIENT: a broker hands the answer of a request-reply to the client that asked.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/ReplyMessageRequestHeader.java
public enum PushReplyMessageToClient {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .pushReplyMessageToClient }

    /// Who answers.
    public var producerGroup: String
    /// The reply topic.
    public var topic: String
    /// As the answering client said.
    public var defaultTopic: String
    /// As the answering client said.
    public var defaultTopicQueueCount: Int32
    /// The queue.
    public var queueID: Int32
    /// System flag of the message.
    public var sysFlag: Int32
    /// When the answer was made, milliseconds.
    public var bornTimestamp: Int64
    /// The user's own flag.
    public var flag: Int32
    /// The properties: `name 0x01 value 0x02` …
    public var properties: String?
    /// How often the message has been tried before.
    public var reconsumeTimes: Int32?
    /// Whether the sender belongs to a unit of a deployment.
    public var unitMode: Bool
    /// Who answers, `ip:port`.
    public var bornHost: String
    /// The broker, `ip:port`.
    public var storeHost: String
    /// When the broker had the answer, milliseconds.
    public var storeTimestamp: Int64
    /// The answer itself.
    public var body: [UInt8]

    /// Takes a reply over from what the answering client sent.
    public init(
      _ send: borrowing SendMessage.Request, queueID: Int32, properties: String, bornHost: String, storeHost: String,
      storeTimestamp: Int64
    ) {
      producerGroup = send.producerGroup.text
      topic = send.topic.text
      defaultTopic = send.defaultTopic.text
      defaultTopicQueueCount = send.defaultTopicQueueCount
      self.queueID = queueID
      sysFlag = send.sysFlag
      bornTimestamp = send.bornTime.milliseconds
      flag = send.flag
      self.properties = properties
      reconsumeTimes = send.reconsumeTimes
      unitMode = send.unitMode
      self.bornHost = bornHost
      self.storeHost = storeHost
      self.storeTimestamp = storeTimestamp
      body = send.body.array
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      producerGroup = try request.text("producerGroup")
      topic = try request.text("topic")
      defaultTopic = try request.text("defaultTopic")
      defaultTopicQueueCount = try request.int32("defaultTopicQueueNums")
      queueID = try request.int32("queueId")
      sysFlag = try request.int32("sysFlag")
      bornTimestamp = try request.int64("bornTimestamp")
      flag = try request.int32("flag")
      properties = request.text(optional: "properties")
      reconsumeTimes = try request.int32(optional: "reconsumeTimes")
      unitMode = request.bool("unitMode")
      bornHost = try request.text("bornHost")
      storeHost = try request.text("storeHost")
      storeTimestamp = try request.int64("storeTimestamp")
      body = request.body.array
    }

    /// Reads a request that was copied from its connection.
    public init(_ command: Command) throws(DecodeError) {
      producerGroup = try command.required("producerGroup")
      topic = try command.required("topic")
      defaultTopic = try command.required("defaultTopic")
      defaultTopicQueueCount = try command.number("defaultTopicQueueNums")
      queueID = try command.number("queueId")
      sysFlag = try command.number("sysFlag")
      bornTimestamp = try command.number("bornTimestamp")
      flag = try command.number("flag")
      properties = command["properties"]
      reconsumeTimes = command["reconsumeTimes"].flatMap { Int32($0) }
      unitMode = command["unitMode"] == "true"
      bornHost = try command.required("bornHost")
      storeHost = try command.required("storeHost")
      storeTimestamp = try command.number("storeTimestamp")
      body = command.body
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("producerGroup", producerGroup)
      list.add("topic", topic)
      list.add("defaultTopic", defaultTopic)
      list.add("defaultTopicQueueNums", defaultTopicQueueCount)
      list.add("queueId", queueID)
      list.add("sysFlag", sysFlag)
      list.add("bornTimestamp", bornTimestamp)
      list.add("flag", flag)
      list.add("properties", properties)
      list.add("reconsumeTimes", reconsumeTimes)
      list.add("unitMode", unitMode)
      list.add("bornHost", bornHost)
      list.add("storeHost", storeHost)
      list.add("storeTimestamp", storeTimestamp)
      return list.fields
    }
  }
}
