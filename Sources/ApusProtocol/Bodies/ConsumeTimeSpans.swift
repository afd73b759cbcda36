public import ApusBase
public import ApusModel

/// When the messages of a topic's queues were stored, and up to when a group has come.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/QueryConsumeTimeSpanBody.java
public struct ConsumeTimeSpans: JSONBody {
  /// A moment with its form for people, `2026-11-21#00:05:16:766` by the broker's clock on the wall.
  public struct Moment: Hashable, Sendable {
    /// The moment; −1 ms when it is not known.
    public var time: WallTime
    /// The same for people.
    public var text: String

    /// Pairs both.
    public init(_ time: WallTime, text: String) {
      self.time = time
      self.text = text
    }
  }

  /// One queue.
  public struct Entry: Hashable, Sendable {
    /// The queue.
    public var queue: MessageQueue
    /// When its oldest message was stored.
    public var first: Moment
    /// When its newest message was stored.
    public var last: Moment
    /// When the message that the group consumed last was stored.
    public var consumed: Moment
    /// How long the group's next message has waited, in milliseconds; 0 when there is none.
    public var delayMilliseconds: Int64

    /// Describes a queue.
    public init(queue: MessageQueue, first: Moment, last: Moment, consumed: Moment, delayMilliseconds: Int64) {
      self.queue = queue
      self.first = first
      self.last = last
      self.consumed = consumed
      self.delayMilliseconds = delayMilliseconds
    }
  }

  /// The queues.
  public var entries: [Entry]

  /// Describes queues.
  public init(_ entries: [Entry]) { self.entries = entries }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    entries = try json.list("consumeTimeSpanSet") { element throws(DecodeError) in
      Entry(
        queue: try MessageQueue(json: try element.required("messageQueue")),
        first: try Moment(element, "minTimeStamp"), last: try Moment(element, "maxTimeStamp"),
        consumed: try Moment(element, "consumeTimeStamp"),
        delayMilliseconds: try element.int64("delayTime", default: 0))
    }
  }

  /// The JSON form.
  public var json: JSONValue {
    let spans = entries.map { entry in
      JSONValue(members: [
        "consumeTimeStamp": JSONValue(entry.consumed.time.milliseconds),
        "consumeTimeStampStr": .string(entry.consumed.text), "delayTime": JSONValue(entry.delayMilliseconds),
        "maxTimeStamp": JSONValue(entry.last.time.milliseconds), "maxTimeStampStr": .string(entry.last.text),
        "messageQueue": entry.queue.json, "minTimeStamp": JSONValue(entry.first.time.milliseconds),
        "minTimeStampStr": .string(entry.first.text),
      ])
    }
    return JSONValue(members: ["consumeTimeSpanSet": .array(spans)])
  }
}

extension ConsumeTimeSpans.Moment {
  fileprivate init(_ json: JSONValue, _ name: String) throws(DecodeError) {
    self.init(
      WallTime(milliseconds: try json.int64(name, default: -1)), text: json["\(name)Str"]?.text ?? "")
  }
}
