public import ApusBase

/// Where the properties that the broker itself acts on lie, found in one pass.
@frozen
public struct KnownProperties: Sendable {
  /// TAGS
  public var tags: Range<Int>?
  /// KEYS, separated by spaces
  public var keys: Range<Int>?
  /// UNIQ_KEY, the producer's message id
  public var uniqueKey: Range<Int>?
  /// WAIT: whether the answer waits for flush and replica
  public var wait: Range<Int>?
  /// DELAY: the delay level
  public var delay: Range<Int>?
  /// TRAN_MSG: a half message
  public var transaction: Range<Int>?
  /// INNER_MULTI_DISPATCH: the light queues that the message goes to besides its own
  public var lightQueues: Range<Int>?
  /// Whether there is a property TIMER_… or __STARTDELIVERTIME.
  public var isTimed = false

  /// Finds the properties in `properties`; of two with one name the later counts.
  @inlinable
  public init(_ properties: borrowing MessageProperties) {
    var position = 0
    while let pair = properties.next(&position) {
      let name = properties.bytes.extracting(pair.name)
      switch name.byteCount {
      case 4:
        if name.equals(PropertyName.tags) {
          tags = pair.value
        } else if name.equals(PropertyName.keys) {
          keys = pair.value
        } else if name.equals(PropertyName.wait) {
          wait = pair.value
        }
      case 5 where name.equals(PropertyName.delay): delay = pair.value
      case 8:
        if name.equals(PropertyName.uniqueKey) {
          uniqueKey = pair.value
        } else if name.equals(PropertyName.transaction) {
          transaction = pair.value
        }
      case 20 where name.equals(PropertyName.lightQueues): lightQueues = pair.value
      case 12... where name.startsTimer: isTimed = true
      default: break
      }
    }
  }
}

extension RawSpan {
  /// Whether these bytes, at least twelve, begin the name of a property about the time of delivery.
  @inlinable
  var startsTimer: Bool {
    switch byte(at: 0) {
    case UInt8(ascii: "T"): starts(with: "TIMER_")
    case UInt8(ascii: "_"): equals(PropertyName.startDeliverTime)
    default: false
    }
  }
}

/// Names of properties with a meaning of their own
/// (apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/message/MessageConst.java).
public enum PropertyName {
  /// Words by which the message can be found, separated by spaces.
  @inlinable public static var keys: StaticString { "KEYS" }
  /// The tag that subscriptions select by.
  @inlinable public static var tags: StaticString { "TAGS" }
  /// `false`: the answer need not wait for flush and replica.
  @inlinable public static var wait: StaticString { "WAIT" }
  /// The delay level.
  @inlinable public static var delay: StaticString { "DELAY" }
  /// When the message is delivered, in milliseconds since 1970, as in RocketMQ 5.
  @inlinable public static var timerDeliver: StaticString { "TIMER_DELIVER_MS" }
  /// After how many milliseconds the message is delivered, as in RocketMQ 5.
  @inlinable public static var timerDelayMilliseconds: StaticString { "TIMER_DELAY_MS" }
  /// After how many seconds the message is delivered, as in RocketMQ 5.
  @inlinable public static var timerDelaySeconds: StaticString { "TIMER_DELAY_SEC" }
  /// As ``timerDeliver``, of the clients of a cloud service.
  @inlinable public static var startDeliverTime: StaticString { "__STARTDELIVERTIME" }
  /// When a waiting message is due; delivered messages keep it, as in RocketMQ 5.
  @inlinable public static var timerOut: StaticString { "TIMER_OUT_MS" }
  /// When the broker took a waiting message into account, as in RocketMQ 5.
  @inlinable public static var timerEnqueued: StaticString { "TIMER_ENQUEUE_MS" }
  /// When the broker delivered a message that waited, as in RocketMQ 5.
  @inlinable public static var timerDequeued: StaticString { "TIMER_DEQUEUE_MS" }
  /// How often a waiting message was stored anew, as in RocketMQ 5.
  @inlinable public static var timerRollTimes: StaticString { "TIMER_ROLL_TIMES" }
  /// The unique key of the waiting message that this one cancels, as in RocketMQ 5.
  @inlinable public static var timerCancelledKey: StaticString { "TIMER_DEL_UNIQKEY" }
  /// The topic that a retried message came from.
  @inlinable public static var retryTopic: StaticString { "RETRY_TOPIC" }
  /// The topic of a delayed or half message.
  @inlinable public static var realTopic: StaticString { "REAL_TOPIC" }
  /// The queue of a delayed or half message.
  @inlinable public static var realQueueID: StaticString { "REAL_QID" }
  /// `true`: a half message.
  @inlinable public static var transaction: StaticString { "TRAN_MSG" }
  /// The producer group of a half message.
  @inlinable public static var producerGroup: StaticString { "PGROUP" }
  /// The producer's message id.
  @inlinable public static var uniqueKey: StaticString { "UNIQ_KEY" }
  /// The message id of the first record of a retried message.
  @inlinable public static var originMessageID: StaticString { "ORIGIN_MESSAGE_ID" }
  /// How often it was consumed before.
  @inlinable public static var reconsumeTime: StaticString { "RECONSUME_TIME" }
  /// How often it may be consumed again.
  @inlinable public static var maxReconsumeTimes: StaticString { "MAX_RECONSUME_TIMES" }
  /// Where a half message stood in its queue.
  @inlinable public static var preparedQueueOffset: StaticString { "TRAN_PREPARED_QUEUE_OFFSET" }
  /// How often a half message was checked.
  @inlinable public static var transactionCheckTimes: StaticString { "TRANSACTION_CHECK_TIMES" }
  /// How long a half message is not checked.
  @inlinable public static var checkImmunityTime: StaticString { "CHECK_IMMUNITY_TIME_IN_SECONDS" }
  /// Why a dead letter is dead: a name of our own.
  @inlinable public static var deadLetterReason: StaticString { "DLQ_REASON" }
  /// The topic that a dead letter was first sent to, as in RocketMQ 5.
  @inlinable public static var deadLetterOriginTopic: StaticString { "DLQ_ORIGIN_TOPIC" }
  /// The id of a dead letter's first record, as in RocketMQ 5.
  @inlinable public static var deadLetterOriginMessageID: StaticString { "DLQ_ORIGIN_MESSAGE_ID" }
  /// The queue of a dead letter's first record: a name of our own.
  @inlinable public static var deadLetterOriginQueueID: StaticString { "DLQ_ORIGIN_QUEUE_ID" }
  /// The place in its queue of a dead letter's first record: a name of our own.
  @inlinable public static var deadLetterOriginQueueOffset: StaticString { "DLQ_ORIGIN_QUEUE_OFFSET" }
  /// The cluster that stored the message.
  @inlinable public static var cluster: StaticString { "CLUSTER" }
  /// The region that stored the message.
  @inlinable public static var region: StaticString { "MSG_REGION" }
  /// Whether the message is traced.
  @inlinable public static var traceOn: StaticString { "TRACE_ON" }
  /// What ties a reply to its request.
  @inlinable public static var correlationID: StaticString { "CORRELATION_ID" }
  /// The client that a reply goes to.
  @inlinable public static var replyToClient: StaticString { "REPLY_TO_CLIENT" }
  /// How long a request waits for its reply.
  @inlinable public static var timeToLive: StaticString { "TTL" }
  /// When a reply arrived.
  @inlinable public static var arriveTime: StaticString { "ARRIVE_TIME" }
  /// When a reply was pushed.
  @inlinable public static var pushReplyTime: StaticString { "PUSH_REPLY_TIME" }
  /// The kind of message, `reply` for one.
  @inlinable public static var messageType: StaticString { "MSG_TYPE" }
  /// The light queues that a message goes to besides its own, separated by commas.
  @inlinable public static var lightQueues: StaticString { "INNER_MULTI_DISPATCH" }
  /// A stored message's places in its light queues, separated by commas.
  @inlinable public static var lightQueueOffsets: StaticString { "INNER_MULTI_QUEUE_OFFSET" }
  /// Kept by the broker when it sends a message on: the transfer flag of MQ2.
  @inlinable public static var transferFlag: StaticString { "TRANSFER_FLAG" }
}
