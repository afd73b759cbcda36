package import ApusBase
import ApusBrokerCore
import ApusModel
import ApusStore
package import ApusStoreCore
import ApusSystem

/// What waits in a store that no broker has open: messages with a time of delivery of their own, which RocketMQ 4.9.8
/// does not deliver, and those of delay levels, which it does.
package enum PendingMessages {
  /// One that waits.
  package struct Item: Hashable, Sendable {
    /// Its delay level; nil for a time of its own.
    package var level: Int?
    /// When it is due.
    package var due: WallTime
    /// Where its record lies.
    package var offset: PhysicalOffset
    /// Where it goes; empty when its record cannot be read.
    package var topic = ""
    /// The queue that it goes to.
    package var queueID: Int64 = -1
    /// Its unique key; empty when it has none.
    package var key = ""
    /// What RocketMQ 4.9.8 would do with it.
    package var atJava = AtJava.delivered
  }

  /// What RocketMQ 4.9.8 does with a message that waits, when it opens the store.
  package enum AtJava: String, Hashable, Sendable {
    /// It delivers it when it is due.
    case delivered
    /// It never delivers it: the message has a time of its own.
    case keptForGood
    /// It never delivers it: the message waits in a level that is not configured.
    case levelUnknown
    /// It delivers it at once: the level's delay there is shorter than what is left.
    case atOnce

    /// What there is to say about it; nil when it goes as it should.
    package var reason: String? {
      switch self {
      case .delivered: nil
      case .keptForGood: "RocketMQ 4.9.8 does not deliver it"
      case .levelUnknown: "RocketMQ 4.9.8 does not deliver it: its messageDelayLevel has no such level"
      case .atOnce: "RocketMQ 4.9.8 delivers it at once: its level is shorter"
      }
    }

    init(_ item: Item, levels: DelayLevels, now: WallTime) {
      guard let level = item.level else {
        self = .keptForGood
        return
      }
      guard level <= levels.milliseconds.count else {
        self = .levelUnknown
        return
      }
      self = item.due > levels.deliveryTime(level: level, storedAt: now) ? .atOnce : .delivered
    }
  }

  /// How many there are.
  package struct Counts: Hashable, Sendable {
    /// With a time of their own.
    package var timed = 0
    /// In delay levels.
    package var delayed = 0
    /// Those among them that RocketMQ 4.9.8 would not deliver when they are due.
    package var notForJava = 0
  }

  /// Opens the store as a broker would, calls `body` with everything that waits, and closes it. Messages with a time of
  /// their own come first, in the order of their times; then the levels. The levels of `settings` are those of the
  /// broker that ran on the store and of the one that comes.
  package static func list(
    _ settings: StoreSettings, on disk: any Disk, now: WallTime, _ body: (Item) -> Void
  ) throws(BrokerError) -> Counts {
    let store: SharedStore
    let delays: DelayOffsets?
    do throws(StoreError) {
      let opened = try MessageStore.open(disk: disk, settings: settings)
      store = SharedStore(opened, disk: disk, isSynchronous: false)
    } catch {
      throw .store(error)
    }
    do throws(ConfigFileError) {
      delays = try ConfigStore.load(root: settings.root, disk: disk).delays
    } catch {
      throw .files(error)
    }
    var counts = Counts()
    func tell(_ item: Item) {
      var item = item
      item.atJava = AtJava(item, levels: settings.delayLevels, now: now)
      if item.atJava != .delivered { counts.notForJava += 1 }
      if item.level == nil { counts.timed += 1 } else { counts.delayed += 1 }
      body(item)
    }
    do throws(DiskError) {
      let found = try TimerFile(store: store, root: settings.root).find(now: now)
      var timers: [TimerWheel.Timer] = []
      found.wheel.forEach { _, timer in timers.append(timer) }
      timers.sort { ($0.due, $0.offset) < ($1.due, $1.offset) }
      for timer in timers { tell(item(nil, timer.due, timer.offset, in: store)) }
      try listLevels(store, from: delays?.levels ?? [:], tell)
      try store.withLock { (store) throws(DiskError) in try store.close() }
    } catch {
      throw .disk(error)
    }
    return counts
  }

  private static func listLevels(
    _ store: SharedStore, from delivered: [Int: QueueOffset], _ body: (Item) -> Void
  ) throws(DiskError) {
    for id in store.withLock({ $0.queueIDs(ofTopic: SystemTopics.schedule) }) {
      guard let queue = try store.queue(topic: SystemTopics.schedule, id: id) else { continue }
      let level = Int(id) + 1
      var position = max(delivered[level] ?? .zero, store.withLock { _ in queue.minOffset })
      while position < store.withLock({ _ in queue.maxOffset }) {
        switch store.withLock({ $0.entry(in: queue, at: position) }) {
        case .entry(let entry):
          body(item(level, WallTime(milliseconds: entry.tagsCode), entry.offset, in: store))
          position = position + 1
        case .cold(let plan): store.warm(plan)
        case .unreadable(let next): position = max(next, position + 1)
        case .outside, .failed: position = position + 1
        }
      }
    }
  }

  private static func item(
    _ level: Int?, _ due: WallTime, _ offset: PhysicalOffset, in store: SharedStore
  ) -> Item {
    var item = Item(level: level, due: due, offset: offset)
    guard let bytes = store.record(at: offset) else { return item }
    do throws(DecodeError) {
      let properties = try StoredRecord(bytes.rawSpan).properties
      item.topic = properties.value(of: PropertyName.realTopic)?.text ?? ""
      item.queueID = properties.integer(PropertyName.realQueueID) ?? -1
      item.key = properties.value(of: PropertyName.uniqueKey)?.text ?? ""
    } catch {
      return item
    }
    return item
  }
}
