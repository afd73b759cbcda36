package import ApusBase
import ApusBrokerCore
package import ApusProtocol
package import ApusStoreCore
import ApusSystem

/// What requests ask of the messages besides sending and pulling. The calls may wait for the device, so none is made on
/// an event loop. Topics are names that the topic table knows.
package protocol StoredMessages: AnyObject, Sendable {
  /// Where a queue begins and ends; nil for one that never had a message.
  func bounds(topic: String, queue: Int32) throws(DiskError) -> QueueBounds?
  /// The offset of the message of a queue that was stored closest to a moment; the queue's beginning when it is empty.
  func offset(topic: String, queue: Int32, closestTo moment: WallTime) throws(DiskError) -> QueueOffset
  /// When the message at an offset was stored; nil when there is none.
  func storeTime(topic: String, queue: Int32, at offset: QueueOffset) throws(DiskError) -> WallTime?
  /// Whether the message at an offset is among the newest, which memory holds. True when there is none.
  func isInMemory(topic: String, queue: Int32, at offset: QueueOffset) throws(DiskError) -> Bool
  /// The record that begins at an offset of the log; nil when none does.
  func record(at offset: PhysicalOffset) throws(DiskError) -> [UInt8]?
  /// The records that the index has under a key.
  func query(_ query: IndexQuery) throws(DiskError) -> IndexAnswer
  /// Removes the queues of a topic that was deleted.
  func removeQueues(of topic: String) throws(DiskError)
  /// The topics that have queues, with or without a topic of that name.
  func topicsWithQueues() -> [String]
  /// Removes queue files whose messages are gone from the log.
  func removeExpiredQueueFiles() throws(DiskError)
  /// At most `count` entries of a queue from an offset on; none when there is no entry at that offset. `filter` says
  /// which of those with an extension unit are wanted; nil says that of none.
  func entries(
    topic: String, queue: Int32, from offset: QueueOffset, count: Int, filter: EntryFilter?
  ) throws(DiskError) -> [ConsumeQueueDump.Entry]
  /// The state of the whole store.
  func summary() -> StoreSummary
}

extension StoredMessages {
  /// Where the queue begins and ends that a request names; nil for one that never had a message, and when there is no
  /// such topic. May wait for the device.
  func bounds(for request: Command, of topics: Locked<Topics>) throws(Refusal) -> QueueBounds? {
    let topic = try request.text("topic")
    let queue: Int32 = try request.number("queueId")
    guard topics.withLock({ $0.find(topic) }) != nil else { return nil }
    do throws(DiskError) {
      return try bounds(topic: topic, queue: queue)
    } catch {
      throw Refusals.disk(error)
    }
  }
}

/// Where a queue begins and ends.
package struct QueueBounds: Hashable, Sendable {
  /// The first message that is still there.
  package var min: QueueOffset
  /// One past the last message.
  package var max: QueueOffset

  /// Bounds a queue.
  package init(min: QueueOffset, max: QueueOffset) {
    self.min = min
    self.max = max
  }
}

/// A question to the index.
package struct IndexQuery: Hashable, Sendable {
  /// The topic.
  package var topic: String
  /// A key or a unique key of the message.
  package var key: String
  /// The most records to give.
  package var limit: Int
  /// The earliest store time.
  package var from: WallTime
  /// The latest store time.
  package var to: WallTime

  /// Asks.
  package init(topic: String, key: String, limit: Int, from: WallTime, to: WallTime) {
    self.topic = topic
    self.key = key
    self.limit = limit
    self.from = from
    self.to = to
  }
}

/// What the index has.
package struct IndexAnswer: Hashable, Sendable {
  /// The records, one after the other, by ascending offset in the log.
  package var records: [UInt8] = []
  /// How many they are.
  package var count = 0
  /// The store time of the newest message in the index.
  package var indexedUntil = WallTime(milliseconds: 0)
  /// The log offset of the newest message in the index.
  package var indexedUpTo = PhysicalOffset(0)

  /// Starts with nothing.
  package init() {}
}

/// The state of a store, for the runtime information.
package struct StoreSummary: Hashable, Sendable {
  /// The first byte of the log that is still there.
  package var minOffset: Int64 = 0
  /// One past the last byte of the log.
  package var maxOffset: Int64 = 0
  /// Bytes that are not on the device yet.
  package var unflushedBytes: Int64 = 0
  /// Bytes whose queue entries are still to be made.
  package var undispatchedBytes: Int64 = 0
  /// The store time of the oldest message; nil when there is none.
  package var earliest: WallTime?
  /// How full the device of the store's root is; nil when that is not known.
  package var space: DiskSpace?
  /// How full the device of the log is; nil when that is not known.
  package var logSpace: DiskSpace?
  /// How full the device of the queues is; nil when that is not known.
  package var queueSpace: DiskSpace?
  /// What is known to be damaged.
  package var damage = DamageTable()

  /// Starts with nothing.
  package init() {}

  /// The fuller one of the log's and the queues' devices, by which files are removed and sends are refused; nil when
  /// neither is known.
  package var fullerSpace: DiskSpace? {
    guard let logSpace, let queueSpace else { return self.logSpace ?? self.queueSpace }
    return queueSpace.usedRatio > logSpace.usedRatio ? queueSpace : logSpace
  }
}
