public import ApusBase

/// 10 SEND_MESSAGE, 310 SEND_MESSAGE_V2 and 320 SEND_BATCH_MESSAGE: store one message, or a batch that shares one
/// header. 324 SEND_REPLY_MESSAGE and 325 SEND_REPLY_MESSAGE_V2, the answer of a request-reply, look the same.
///
/// 10 and 324 have long names of fields; the others call them `a` to `n`:
///
/// | V2 | V1 | Type | Required |
/// |---|---|---|---|
/// | a | producerGroup | text | yes |
/// | b | topic | text | yes |
/// | c | defaultTopic | text | yes |
/// | d | defaultTopicQueueNums | i32 | yes |
/// | e | queueId | i32 | yes |
/// | f | sysFlag | i32 | yes |
/// | g | bornTimestamp | i64, milliseconds | yes |
/// | h | flag | i32 | yes |
/// | i | properties | `name 0x01 value 0x02` … | no |
/// | j | reconsumeTimes | i32 | no |
/// | k | unitMode | bool | no |
/// | l | maxReconsumeTimes | i32 | no |
/// | m | batch | bool | no |
/// | n | bname | text | no |
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/SendMessageRequestHeaderV2.java
public enum SendMessage {
  /// A request viewed in its frame.
  public struct Request: ~Escapable {
    /// Who sends.
    public let producerGroup: RawSpan
    /// Where to.
    public let topic: RawSpan
    /// The topic whose settings a new topic takes.
    public let defaultTopic: RawSpan
    /// How many queues a new topic gets.
    public let defaultTopicQueueCount: Int32
    /// The queue chosen by the sender; negative lets the broker choose.
    public let queueID: Int32
    /// System flag of the message: compression, transaction.
    public let sysFlag: Int32
    /// When the message was made.
    public let bornTime: WallTime
    /// The user's own flag.
    public let flag: Int32
    /// The properties as sent; empty for none.
    public let properties: RawSpan
    /// How often the message has been tried before.
    public let reconsumeTimes: Int32
    /// Whether the sender belongs to a unit of a deployment.
    public let unitMode: Bool
    /// Whether the body holds several messages.
    public let isBatch: Bool
    /// How often the message may be tried; nil leaves it to the group's settings.
    public let maxReconsumeTimes: Int32?
    /// The broker group the sender means; nil for clients that do not say.
    public let brokerName: RawSpan?
    /// The message, or the items of a batch.
    public let body: RawSpan

    /// Reads a request of code 10, 310, 320, 324 or 325.
    @_lifetime(copy request)
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      // The names are literals where they are used, so that those of one letter are found without a search.
      let long = request.code == .sendMessage || request.code == .sendReplyMessage
      producerGroup = try long ? request.required("producerGroup") : request.required("a")
      topic = try long ? request.required("topic") : request.required("b")
      defaultTopic = try long ? request.required("defaultTopic") : request.required("c")
      defaultTopicQueueCount = try long ? request.int32("defaultTopicQueueNums") : request.int32("d")
      queueID = try long ? request.int32("queueId") : request.int32("e")
      sysFlag = try long ? request.int32("sysFlag") : request.int32("f")
      bornTime = WallTime(milliseconds: try long ? request.int64("bornTimestamp") : request.int64("g"))
      flag = try long ? request.int32("flag") : request.int32("h")
      if let given = long ? request.field("properties") : request.field("i") {
        properties = given
      } else {
        properties = request.body.extracting(0..<0)
      }
      reconsumeTimes = try (long ? request.int32(optional: "reconsumeTimes") : request.int32(optional: "j")) ?? 0
      unitMode = long ? request.bool("unitMode") : request.bool("k")
      maxReconsumeTimes = try long ? request.int32(optional: "maxReconsumeTimes") : request.int32(optional: "l")
      isBatch = long ? request.bool("batch") : request.bool("m")
      brokerName = long ? request.field("bname") : request.field("n")
      body = request.body
    }

    /// Puts a request together.
    @_lifetime(copy producerGroup, copy topic, copy defaultTopic, copy properties, copy brokerName, copy body)
    public init(
      producerGroup: RawSpan, topic: RawSpan, defaultTopic: RawSpan, defaultTopicQueueCount: Int32, queueID: Int32,
      sysFlag: Int32 = 0, bornTime: WallTime, flag: Int32 = 0, properties: RawSpan, reconsumeTimes: Int32 = 0,
      unitMode: Bool = false, isBatch: Bool = false, maxReconsumeTimes: Int32? = nil, brokerName: RawSpan? = nil,
      body: RawSpan
    ) {
      self.producerGroup = producerGroup
      self.topic = topic
      self.defaultTopic = defaultTopic
      self.defaultTopicQueueCount = defaultTopicQueueCount
      self.queueID = queueID
      self.sysFlag = sysFlag
      self.bornTime = bornTime
      self.flag = flag
      self.properties = properties
      self.reconsumeTimes = reconsumeTimes
      self.unitMode = unitMode
      self.isBatch = isBatch
      self.maxReconsumeTimes = maxReconsumeTimes
      self.brokerName = brokerName
      self.body = body
    }

    /// Appends the request's frame, with the names that belong to `code`: 10, 310, 320, 324 or 325.
    public func encode(
      _ code: RequestCode, id: RequestID, oneway: Bool = false, type: HeaderType = .json, into output: inout ByteWriter
    ) {
      let long = code == .sendMessage || code == .sendReplyMessage
      var writer = RequestWriter.begin(code, id: id, oneway: oneway, type: type, into: &output)
      writer.field(long ? "producerGroup" : "a", producerGroup, into: &output)
      writer.field(long ? "topic" : "b", topic, into: &output)
      writer.field(long ? "defaultTopic" : "c", defaultTopic, into: &output)
      writer.field(long ? "defaultTopicQueueNums" : "d", defaultTopicQueueCount, into: &output)
      writer.field(long ? "queueId" : "e", queueID, into: &output)
      writer.field(long ? "sysFlag" : "f", sysFlag, into: &output)
      writer.field(long ? "bornTimestamp" : "g", bornTime.milliseconds, into: &output)
      writer.field(long ? "flag" : "h", flag, into: &output)
      writer.field(long ? "properties" : "i", properties, into: &output)
      writer.field(long ? "reconsumeTimes" : "j", reconsumeTimes, into: &output)
      writer.field(long ? "unitMode" : "k", unitMode, into: &output)
      if let maxReconsumeTimes {
        writer.field(long ? "maxReconsumeTimes" : "l", maxReconsumeTimes, into: &output)
      }
      writer.field(long ? "batch" : "m", isBatch, into: &output)
      if let brokerName { writer.field(long ? "bname" : "n", brokerName, into: &output) }
      writer.finishHeader(into: &output)
      output.write(body)
      writer.end(into: &output)
    }
  }

  /// Where the message was put.
  ///
  /// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/SendMessageResponseHeader.java
  public struct Response: ~Escapable {
    /// The offset id; of a batch all of them, separated by commas.
    public let messageID: RawSpan
    /// The queue.
    public let queueID: Int32
    /// The index in the queue; of a batch the first one's.
    public let queueOffset: QueueOffset
    /// The id of the transaction; nil for none.
    public let transactionID: RawSpan?

    /// Tells where a message was put.
    @_lifetime(copy messageID, copy transactionID)
    public init(messageID: RawSpan, queueID: Int32, queueOffset: QueueOffset, transactionID: RawSpan? = nil) {
      self.messageID = messageID
      self.queueID = queueID
      self.queueOffset = queueOffset
      self.transactionID = transactionID
    }

    /// Reads an answer.
    @_lifetime(copy response)
    public init(_ response: borrowing ApusProtocol.Response) throws(DecodeError) {
      guard let id = response.command.field("msgId") else {
        throw DecodeError(field: "msgId", offset: 0, reason: "missing")
      }
      messageID = id
      queueID = try response.number("queueId")
      queueOffset = QueueOffset(try response.number("queueOffset", Int64.self))
      transactionID = response.command.field("transactionId")
    }

    /// Appends the answer's fields.
    public func write(_ writer: inout CommandWriter, into output: inout ByteWriter) {
      writer.field("queueId", queueID, into: &output)
      if let transactionID { writer.field("transactionId", transactionID, into: &output) }
      writer.field("msgId", messageID, into: &output)
      writer.field("queueOffset", queueOffset.rawValue, into: &output)
    }
  }

  /// Appends the fields that every answer to a send has, an error too: the broker's region and whether it wants traces.
  public static func writeBroker(
    region: RawSpan, traceOn: Bool, _ writer: inout CommandWriter, into output: inout ByteWriter
  ) {
    writer.field("MSG_REGION", region, into: &output)
    writer.field("TRACE_ON", traceOn, into: &output)
  }
}
