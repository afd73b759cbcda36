import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusSystem

/// How far a consumer group is in the queues of a topic.
struct ConsumeProgress: Sendable {
  let offsets: Locked<ConsumerOffsets>
  let messages: any StoredMessages
  /// The broker's name.
  let broker: String

  /// The first `queueCount` queues of a topic. A group without an offset in a queue counts as being at its beginning.
  func entries(_ topic: Topic, group: String, queueCount: Int32) throws(DiskError) -> [ConsumeStats.Entry] {
    let committed = offsets.withLock { $0.offsets(topic: topic.name, group: group) }
    var entries: [ConsumeStats.Entry] = []
    for queue in 0..<max(queueCount, 0) {
      let offset = committed[queue] ?? 0
      var time: WallTime?
      if offset > 0 { time = try messages.storeTime(topic: topic.name, queue: queue, at: QueueOffset(offset - 1)) }
      entries.append(
        ConsumeStats.Entry(
          queue: MessageQueue(topic: topic.name, brokerName: broker, queueID: queue),
          brokerOffset: try messages.bounds(topic: topic.name, queue: queue)?.max ?? .zero,
          consumerOffset: QueueOffset(offset), lastTimestamp: time ?? WallTime(milliseconds: 0)))
    }
    return entries
  }
}
