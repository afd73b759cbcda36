import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusStore
import ApusSystem

/// Stores what RocketMQ tells of pulls at impossible offsets: a message in OFFSET_MOVED_EVENT whose tags and keys are
/// the group
/// (apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/processor/PullMessageProcessor.java).
///
/// A client that asks for impossible offsets again and again must not fill the log: at most ``limitPerSecond`` events
/// are stored.
final class OffsetMovedEvents: Sendable {
  /// How many events a second are stored at most.
  static let limitPerSecond = 16

  private let identity: BrokerIdentity
  private let store: SharedStore
  private let window = Locked((second: Int64(0), count: 0))

  init(identity: BrokerIdentity, store: SharedStore) {
    self.identity = identity
    self.store = store
  }

  /// A pull was answered with "offset moved". Appends the event on the calling loop; one that finds no room is dropped,
  /// as it is information only.
  func add(_ pull: HeldPull, movedTo offset: QueueOffset) {
    let now = SystemClock.wall()
    let mayStore = window.withLock { window -> Bool in
      let second = now.milliseconds / 1000
      if window.second != second { window = (second, 0) }
      window.count += 1
      return window.count <= Self.limitPerSecond
    }
    guard mayStore else { return }
    let body = JSONValue.object([
      JSONMember("consumerGroup", .string(pull.group.name)),
      JSONMember(
        "messageQueue",
        MessageQueue(topic: pull.topic.name, brokerName: identity.name, queueID: pull.queueID).json),
      JSONMember("offsetNew", .integer(offset.rawValue)),
      JSONMember("offsetRequest", .integer(pull.offset.rawValue)),
    ]).bytes(.fastjson)
    let properties = MessageProperties.encode([("KEYS", pull.group.name), ("TAGS", pull.group.name)])
    let topic = Array(SystemTopics.offsetMoved.utf8)
    guard properties.count <= MessageProperties.maximumBytes else { return }
    let draft = RecordDraft(
      topic: topic.rawSpan, body: body.rawSpan, properties: properties.rawSpan, queueID: 0, flag: 0,
      sysFlag: SysFlag(rawValue: 0), bodyCRC: CRC32.body(body.rawSpan), bornTime: now, bornHost: identity.storeHost,
      storeHost: identity.storeHost, tagsCode: TagsCode.hash(pull.group.name))
    do throws(DiskError) {
      _ = try store.withLock { (store) throws(DiskError) in
        guard store.isLoaded(topic: SystemTopics.offsetMoved, id: 0) else { return }
        _ = store.append(draft, to: try store.openQueue(topic: SystemTopics.offsetMoved, id: 0), now: now)
      }
    } catch {
      // Opening a queue that is loaded, or that has no files, reads nothing.
    }
  }
}
