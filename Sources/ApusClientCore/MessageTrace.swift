package import ApusBase

/// What happened to messages, as trace messages tell it: one call of a producer or of a listener.
///
/// Fields of a record are separated by byte 1, records end with byte 2. What a message does not have is written `null`.
///
/// | Record | Fields |
/// |---|---|
/// | Pub | time, region, group, topic, id, tags, keys, broker, body bytes, cost, type, offset id, success |
/// | SubBefore | time, region, group, request id, message id, tries, keys |
/// | SubAfter | request id, message id, cost, success, keys, outcome, time, group |
/// | EndTransaction | time, region, group, topic, id, tags, keys, broker, type, transaction id, state, is answer |
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:client/src/main/java/org/apache/rocketmq/client/trace/TraceDataEncoder.java
package enum MessageTrace: Hashable, Sendable {
  /// Pub: messages were sent.
  case published(Published)
  /// SubBefore: messages are about to be consumed.
  case consuming(Consuming)
  /// SubAfter: messages were consumed.
  case consumed(Consumed)
  /// EndTransaction: the broker was told how a transaction ended.
  case transactionEnded(TransactionEnded)

  /// What kind of message was sent, by Java's ordinals.
  package enum Kind: Int, Hashable, Sendable {
    /// Normal_Msg.
    case normal = 0
    /// Trans_Msg_Half.
    case half = 1
    /// Trans_msg_Commit.
    case commit = 2
    /// Delay_Msg.
    case delayed = 3
  }

  /// How a call of a listener ended, by Java's ordinals.
  package enum Outcome: Int, Hashable, Sendable {
    /// SUCCESS.
    case success = 0
    /// TIME_OUT: it took longer than `consumeTimeout`.
    case timedOut = 1
    /// EXCEPTION: it threw.
    case threw = 2
    /// FAILED: messages are to come again.
    case failed = 4
  }

  /// A message that a producer told a broker of, and when.
  package struct Told: Hashable, Sendable {
    /// When it began, milliseconds since 1970.
    package var time: Int64
    /// The broker's region.
    package var region: String
    /// The producer's group, without namespace.
    package var group: String
    /// The topic, without namespace.
    package var topic: String
    /// The producer's id; of a batch all, separated by commas.
    package var messageID: String
    /// The tag.
    package var tag: String?
    /// The keys, separated by spaces.
    package var keys: String?
    /// `host:port` of the broker.
    package var storeHost: String

    /// Describes a message.
    package init(
      time: Int64, region: String, group: String, topic: String, messageID: String, tag: String?, keys: String?,
      storeHost: String
    ) {
      self.time = time
      self.region = region
      self.group = group
      self.topic = topic
      self.messageID = messageID
      self.tag = tag
      self.keys = keys
      self.storeHost = storeHost
    }

    /// The fields that begin both records of it.
    fileprivate var fields: [String] {
      ["\(time)", region, group, topic, messageID, tag ?? "null", keys ?? "null", storeHost]
    }
  }

  /// A send that the broker answered; of a batch as one.
  package struct Published: Hashable, Sendable {
    /// What was sent.
    package var message: Told
    /// Bytes of the body as sent.
    package var bodyBytes: Int
    /// How long it took, milliseconds.
    package var cost: Int64
    /// What kind of message it was.
    package var kind: Kind
    /// The broker's id.
    package var offsetMessageID: String
    /// Whether it is as safe as asked.
    package var isSuccess: Bool

    /// Describes a send.
    package init(
      _ message: Told, bodyBytes: Int, cost: Int64, kind: Kind, offsetMessageID: String, isSuccess: Bool
    ) {
      self.message = message
      self.bodyBytes = bodyBytes
      self.cost = cost
      self.kind = kind
      self.offsetMessageID = offsetMessageID
      self.isSuccess = isSuccess
    }
  }

  /// One message of those that a listener is given.
  package struct Item: Hashable, Sendable {
    /// The producer's id.
    package var messageID: String
    /// How often it was consumed without success before.
    package var retryTimes: Int32
    /// The keys, separated by spaces.
    package var keys: String?

    /// Describes a message.
    package init(messageID: String, retryTimes: Int32, keys: String?) {
      self.messageID = messageID
      self.retryTimes = retryTimes
      self.keys = keys
    }
  }

  /// A call of a listener that begins.
  package struct Consuming: Hashable, Sendable {
    /// When, milliseconds since 1970.
    package var time: Int64
    /// The broker's region.
    package var region: String
    /// The consumer's group, without namespace.
    package var group: String
    /// What the call's two records share.
    package var requestID: String
    /// The messages.
    package var items: [Item]

    /// Describes a call.
    package init(time: Int64, region: String, group: String, requestID: String, items: [Item]) {
      self.time = time
      self.region = region
      self.group = group
      self.requestID = requestID
      self.items = items
    }
  }

  /// A call of a listener that ended.
  package struct Consumed: Hashable, Sendable {
    /// The call as it began; its time is when it did.
    package var call: Consuming
    /// How long it took for each message, milliseconds.
    package var cost: Int64
    /// How it ended.
    package var outcome: Outcome
    /// Whether the messages are consumed; a call that took too long may be.
    package var isSuccess: Bool
    /// When the record was made, milliseconds since 1970.
    package var time: Int64

    /// Describes an end.
    package init(_ call: Consuming, cost: Int64, outcome: Outcome, isSuccess: Bool, time: Int64) {
      self.call = call
      self.cost = cost
      self.outcome = outcome
      self.isSuccess = isSuccess
      self.time = time
    }
  }

  /// The end of a transaction as the broker was told it.
  package struct TransactionEnded: Hashable, Sendable {
    /// The half message.
    package var message: Told
    /// The transaction's id.
    package var transactionID: String
    /// COMMIT_MESSAGE, ROLLBACK_MESSAGE or UNKNOW, as Java spells it.
    package var state: String
    /// Whether the broker had asked.
    package var isAnswer: Bool

    /// Describes an end.
    package init(_ message: Told, transactionID: String, state: String, isAnswer: Bool) {
      self.message = message
      self.transactionID = transactionID
      self.state = state
      self.isAnswer = isAnswer
    }
  }

  /// The broker's region, which names the topic of a cloud's traces.
  package var region: String {
    switch self {
    case .published(let send): send.message.region
    case .consuming(let call): call.region
    case .consumed(let end): end.call.region
    case .transactionEnded(let end): end.message.region
    }
  }

  /// The words by which the trace message can be found: ids and keys.
  package var words: [String] {
    switch self {
    case .published(let send): Self.words(send.message.messageID, send.message.keys)
    case .consuming(let call): call.items.flatMap { Self.words($0.messageID, $0.keys) }
    case .consumed(let end): end.call.items.flatMap { Self.words($0.messageID, $0.keys) }
    case .transactionEnded(let end): Self.words(end.message.messageID, end.message.keys)
    }
  }

  private static func words(_ messageID: String, _ keys: String?) -> [String] {
    guard let keys, !keys.isEmpty else { return [messageID] }
    return [messageID, keys]
  }

  /// Appends the records. `isCloud`: as Java does for `accessChannel` CLOUD, where the end of a call has fewer fields.
  package func encode(isCloud: Bool = false, into output: inout ByteWriter) {
    switch self {
    case .published(let send):
      let rest = [
        "\(send.bodyBytes)", "\(send.cost)", "\(send.kind.rawValue)", send.offsetMessageID, "\(send.isSuccess)",
      ]
      Self.record(["Pub"] + send.message.fields + rest, &output)
    case .consuming(let call):
      for item in call.items {
        Self.record(
          [
            "SubBefore", "\(call.time)", call.region, call.group, call.requestID, item.messageID,
            "\(item.retryTimes)", item.keys ?? "null",
          ], &output)
      }
    case .consumed(let end):
      for item in end.call.items {
        let fields = [
          "SubAfter", end.call.requestID, item.messageID, "\(end.cost)", "\(end.isSuccess)",
          item.keys ?? "null", "\(end.outcome.rawValue)",
        ]
        if isCloud {
          Self.record(fields, end: 1, &output)
        } else {
          Self.record(fields + ["\(end.time)", end.call.group], &output)
        }
      }
    case .transactionEnded(let end):
      let rest = ["\(Kind.commit.rawValue)", end.transactionID, end.state, "\(end.isAnswer)"]
      Self.record(["EndTransaction"] + end.message.fields + rest, &output)
    }
  }

  private static func record(_ fields: [String], end: UInt8 = 2, _ output: inout ByteWriter) {
    for (index, field) in fields.enumerated() {
      if index > 0 { output.write(1 as UInt8) }
      output.write(utf8: field)
    }
    output.write(end)
  }
}
