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

  private let parts: BrokerParts
  private let window = Locked((second: Int64(0), count: 0))

  init(_ parts: BrokerParts) { self.parts = parts }

  /// A pull was answered with "offset moved". Appends the event on the calling loop; one that finds no room is dropped,
  /// as it is information only.
  func add(_ pull: HeldPull, movedTo offset: QueueOffset, on state: BrokerLoop) {
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
        MessageQueue(topic: pull.topic.name, brokerName: parts.identity.name, queueID: pull.queueID).json),
      JSONMember("offsetNew", .integer(offset.rawValue)),
      JSONMember("offsetRequest", .integer(pull.offset.rawValue)),
    ]).bytes(.fastjson)
    let properties = MessageProperties.encode([("KEYS", pull.group.name), ("TAGS", pull.group.name)])
    guard properties.count <= MessageProperties.maximumBytes,
      let topic = parts.topics.withLock({ $0.find(SystemTopics.offsetMoved) })
    else { return }
    let event = InternalMessage(
      topic: topic, queueID: 0, body: body, properties: properties, bornTime: now, host: parts.identity.storeHost)
    parts.messages.store(event, on: state) { _ in }
  }
}
