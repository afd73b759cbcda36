import ApusAccess
import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem

/// Takes back what consumers could not handle: request 36. The message is stored once more, to come again after a
/// delay, or among the dead letters of the group.
///
/// The record may have to be read from the device, which an I/O thread does; the loop then stores. With a synchronous
/// flush the answer waits for the device, which Java's does not: else a crash could lose the only copy that a consumer
/// will see.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/processor/SendMessageProcessor.java
package final class ConsumerSendMessageBackHandler: Sendable {
  private let parts: BrokerParts

  /// Makes a handler that uses these parts.
  package init(_ parts: BrokerParts) { self.parts = parts }

  /// What was asked for, after all checks.
  private struct Order: Sendable {
    var offset: PhysicalOffset
    var group: String
    var delayLevel: Int32
    var limit: Int32
    var retryTopic: Topic
    var retryQueue: Int32
    var grant: AccessGrant
  }

  /// What is to be stored for an order.
  private struct Prepared: Sendable {
    var message: InternalMessage
    var group: String
    /// The topic that the message was first sent to.
    var topic: String
  }

  /// Later than this no client waits for the answer.
  private static let limit = Duration.seconds(5)

  /// Handles one request on its loop. `answer` is called there, now or later.
  func handle(
    _ request: ConsumerSendMessageBack.Request, version: Int32, from connection: ConnectionID, grant: AccessGrant,
    _ state: BrokerLoop, answer: @escaping @Sendable (Reply) -> Void
  ) {
    do throws(Refusal) {
      guard let order = try check(request, version: version, grant, state) else { return answer(Reply()) }
      try parts.handOver(from: connection, within: Self.limit) { [self] in
        let result = message(for: order)
        _ = state.loop.execute { [self] in
          switch result {
          case .success(let prepared): store(prepared, state, answer)
          case .failure(let refusal): answer(Reply(refusal))
          }
        }
      }
    } catch {
      answer(Reply(error))
    }
  }

  // MARK: Checks

  /// nil when the group wants no retries: the message is dropped, and that counts as success.
  private func check(
    _ request: ConsumerSendMessageBack.Request, version: Int32, _ grant: AccessGrant, _ state: BrokerLoop
  ) throws(Refusal) -> Order? {
    guard let group = parts.groups.findOrMake(request.group, parts.changes) else {
      throw Refusal(
        .subscriptionGroupNotExist, "subscription group not exist, \(request.group) create it first")
    }
    guard state.serving.permission.contains(.write) else {
      throw Refusal(.noPermission, "the broker[\(parts.identity.address)] sending message is forbidden")
    }
    let queues = group.config.retryQueueCount
    guard queues > 0 else { return nil }
    let topic = try parts.ensureTopic(
      SystemTopics.retryTopic(of: group.name), queueCount: queues,
      systemFlag: request.unitMode ? TopicConfig.unitSubscribedFlag : 0)
    guard topic.config.permission.contains(.write) else {
      throw Refusal(.noPermission, "the topic[\(topic.name)] sending message is forbidden")
    }
    var limit = group.config.retryMaxTimes
    if version >= ClientVersion.overridesReconsumeTimes, let asked = request.maxReconsumeTimes { limit = asked }
    let last = max(min(queues, topic.queueCount), 1)
    return Order(
      offset: PhysicalOffset(request.offset), group: group.name, delayLevel: request.delayLevel, limit: limit,
      retryTopic: topic, retryQueue: Int32.random(in: 0..<last, using: &state.random), grant: grant)
  }

  // MARK: On an I/O thread

  private func message(for order: Order) -> Result<Prepared, Refusal> {
    do throws(Refusal) {
      guard order.offset >= .zero, let bytes = parts.store.record(at: order.offset) else {
        throw Refusal(.systemError, "look message by offset failed, \(order.offset.rawValue)")
      }
      let record: StoredRecord
      do throws(DecodeError) {
        record = try StoredRecord(bytes.rawSpan)
      } catch {
        throw Refusal(.systemError, "the message at offset \(order.offset.rawValue) is damaged: \(error)")
      }
      // Without this a consumer could have any message of the log copied to where it may read.
      try order.grant.requires(.subscribe, recordOf: record)
      // Nobody was given these: a half message, say, would be delivered before it is committed.
      guard !SystemTopics.undelivered.contains(record.topic.text) else {
        throw Refusal(
          .systemError, "the record at offset \(order.offset.rawValue) is of \(record.topic.text): it was not delivered"
        )
      }
      let message = try message(for: order, record)
      return .success(Prepared(message: message, group: order.group, topic: Origin(record).topic))
    } catch {
      return .failure(error)
    }
  }

  private func message(for order: Order, _ record: borrowing StoredRecord) throws(Refusal) -> InternalMessage {
    let redelivery = Redelivery(
      delayLevel: order.delayLevel, reconsumeTimes: record.reconsumeTimes, limit: order.limit)
    var properties = ByteWriter(capacity: record.properties.bytes.byteCount + 256)
    let origin = Origin(record)
    var message: InternalMessage
    switch redelivery {
    case .retry(let asked):
      guard let topic = parts.topics.withLock({ $0.find(SystemTopics.schedule) }) else {
        throw Refusal(.systemError, "the topic of delayed messages is missing")
      }
      let level = parts.delayLevels.clamped(asked)
      var kept = ByteWriter(capacity: record.properties.bytes.byteCount + 256)
      origin.write(record.properties, into: &kept)
      let name = Array(order.retryTopic.name.utf8)
      MessageProperties(kept.bytes).writeDelayed(
        level: level, topic: name.rawSpan, queueID: order.retryQueue, cluster: nil, into: &properties)
      message = copy(of: record, to: topic, queue: Int32(level - 1))
      message.tag = .due(afterMilliseconds: parts.delayLevels.milliseconds[level - 1])
    case .dead(let reason):
      let topic = try parts.ensureTopic(SystemTopics.deadLetterTopic(of: order.group), queueCount: 1)
      guard topic.config.permission.contains(.write) else {
        throw Refusal(.noPermission, "the topic[\(topic.name)] sending message is forbidden")
      }
      origin.write(record.properties, delay: "0", into: &properties)
      DeadLetter.append(reason, place(of: origin, record), into: &properties, after: 0)
      message = copy(of: record, to: topic, queue: 0)
    }
    guard properties.count <= MessageProperties.maximumBytes else {
      throw Refusal(
        .messageIllegal, "with what a retry adds the properties take \(properties.count) bytes, too many")
    }
    message.properties = properties.array
    return message
  }

  private func copy(of record: borrowing StoredRecord, to topic: Topic, queue: Int32) -> InternalMessage {
    var message = InternalMessage(
      topic: topic, queueID: queue, body: record.body.array, properties: [], bornTime: record.bornTime,
      host: record.storeHost)
    message.bornHost = record.bornHost
    message.flag = record.flag
    message.sysFlag = record.sysFlag
    message.reconsumeTimes = record.reconsumeTimes &+ 1
    return message
  }

  /// Where the message was first stored: this record, or the one that it names, if that is still in this broker's log.
  private func place(of origin: Origin, _ record: borrowing StoredRecord) -> DeadLetter.Origin {
    var place = DeadLetter.Origin(topic: origin.topic, messageID: origin.messageID)
    if origin.isThisRecord {
      place.queueID = record.queueID
      place.queueOffset = record.queueOffset.rawValue
      return place
    }
    do throws(DecodeError) {
      let id = try MessageID(origin.messageID)
      guard id.host == parts.identity.storeHost || id.host == record.storeHost,
        let bytes = parts.store.record(at: id.offset)
      else { return place }
      let first = try StoredRecord(bytes.rawSpan)
      guard first.topic.text == origin.topic else { return place }
      place.queueID = first.queueID
      place.queueOffset = first.queueOffset.rawValue
    } catch {
      // Another client's kind of id, or another broker's record: its place is not known.
    }
    return place
  }

  // MARK: On the loop

  private func store(
    _ prepared: Prepared, _ state: BrokerLoop, _ answer: @escaping @Sendable (Reply) -> Void
  ) {
    parts.messages.store(prepared.message, on: state) { [self] outcome in
      switch outcome {
      case .stored:
        count(prepared, state)
        answer(Reply())
      case .notFlushed: answer(Reply(.flushDiskTimeout, remark: "stored, but the device did not take it in time"))
      case .refused(let refusal): answer(Reply(.systemError, remark: "the store takes no messages: \(refusal)"))
      case .queueUnreadable(let error): answer(Reply(Refusals.queue(error)))
      case .busy: answer(Reply(.systemBusy, remark: "too many messages wait for the disk: try again in a moment"))
      }
    }
  }
}

extension ConsumerSendMessageBackHandler {
  private func count(_ prepared: Prepared, _ state: BrokerLoop) {
    guard let topic = parts.topics.withLock({ $0.find(prepared.topic) }) else { return }
    let pair = parts.tables.statistics.withLock { $0.pair(topic: topic.id, group: prepared.group) }
    state.traffic.sentBack(pair: pair)
  }
}

/// Where a message that is given back was first stored, by its properties.
private struct Origin {
  var topic: String
  /// The offset id of the first record.
  var messageID: String
  /// Whether the record itself is the first.
  var isThisRecord: Bool

  init(_ record: borrowing StoredRecord) {
    topic = record.properties.value(of: PropertyName.retryTopic)?.text ?? record.topic.text
    let known = record.properties.value(of: PropertyName.originMessageID)?.text
    isThisRecord = known == nil
    messageID = known ?? record.id.description
  }

  /// Writes the properties of a record that is stored again: what it has, and where it comes from.
  func write(_ properties: borrowing MessageProperties, delay: String? = nil, into writer: inout ByteWriter) {
    properties.write(
      into: &writer, removing: PropertyName.wait, PropertyName.delay, PropertyName.retryTopic,
      PropertyName.originMessageID, PropertyName.lightQueueOffsets)
    let values: [(StaticString, String?)] = [
      (PropertyName.retryTopic, topic), (PropertyName.originMessageID, messageID), (PropertyName.wait, "false"),
      (PropertyName.delay, delay),
    ]
    for (name, value) in values {
      if let value { MessageProperties.append(name, Array(value.utf8).rawSpan, into: &writer, after: 0) }
    }
  }
}
