import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 303: when the oldest, the newest and the last consumed message of each queue of a topic were stored.
///
/// Deviation from Java: a group without an offset in a queue has waited since the queue's oldest message, and one whose
/// next message is gone has not waited; Java counts both from the year 1970.
package struct QueryConsumeTimeSpanHandler: RequestHandler {
  private let topics: Locked<Topics>
  private let offsets: Locked<ConsumerOffsets>
  private let messages: any StoredMessages
  private let broker: String

  /// Takes its parts; `broker` is the broker's name.
  package init(
    topics: Locked<Topics>, offsets: Locked<ConsumerOffsets>, messages: any StoredMessages, broker: String
  ) {
    self.topics = topics
    self.offsets = offsets
    self.messages = messages
    self.broker = broker
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let name = try request.text("topic")
    let group = try request.text("group")
    guard let topic = topics.withLock({ $0.find(name) }) else { throw Refusals.noTopic(name) }
    let committed = offsets.withLock { $0.offsets(topic: name, group: group) }
    var entries: [ConsumeTimeSpans.Entry] = []
    do throws(DiskError) {
      for queue in 0..<max(topic.config.writeQueueCount, 0) {
        entries.append(try span(of: name, queue, consumedUpTo: committed[queue]))
      }
    } catch {
      throw Refusals.disk(error)
    }
    return Reply(body: ConsumeTimeSpans(entries).bytes())
  }

  private func span(
    of topic: String, _ queue: Int32, consumedUpTo committed: Int64?
  ) throws(DiskError) -> ConsumeTimeSpans.Entry {
    let bounds = try messages.bounds(topic: topic, queue: queue) ?? QueueBounds(min: .zero, max: .zero)
    var first: WallTime?
    var last: WallTime?
    if bounds.max > bounds.min {
      first = try messages.storeTime(topic: topic, queue: queue, at: bounds.min)
      last = try messages.storeTime(topic: topic, queue: queue, at: bounds.max + -1)
    }
    var consumed = first
    if let committed, committed > 0 {
      consumed = try messages.storeTime(topic: topic, queue: queue, at: QueueOffset(committed - 1))
    }
    let next = max(QueueOffset(committed ?? 0), bounds.min)
    var delay: Int64 = 0
    if next < bounds.max, let waiting = try messages.storeTime(topic: topic, queue: queue, at: next) {
      delay = max(SystemClock.wall().milliseconds &- waiting.milliseconds, 0)
    }
    return ConsumeTimeSpans.Entry(
      queue: MessageQueue(topic: topic, brokerName: broker, queueID: queue), first: Self.moment(first),
      last: Self.moment(last), consumed: Self.moment(consumed), delayMilliseconds: delay)
  }

  /// The moment with its form for people, `2026-11-21#00:05:16:766`.
  private static func moment(_ time: WallTime?) -> ConsumeTimeSpans.Moment {
    let time = time ?? WallTime(milliseconds: -1)
    let local = LocalTime(time)
    func padded(_ number: Int, _ digits: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(digits - text.count, 0)) + text
    }
    let day = "\(padded(local.year, 4))-\(padded(local.month, 2))-\(padded(local.day, 2))"
    let clock = "\(padded(local.hour, 2)):\(padded(local.minute, 2)):\(padded(local.second, 2))"
    return ConsumeTimeSpans.Moment(time, text: "\(day)#\(clock):\(padded(local.millisecond, 3))")
  }
}
