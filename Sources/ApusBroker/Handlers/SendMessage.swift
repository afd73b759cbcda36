import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem

/// Stores messages: requests 10, 310 and 320.
///
/// Everything that can be done before the log's turn is: checks, the CRC of the body, the stored form of the
/// properties. Then the store's lock is taken for placing and encoding alone. With an asynchronous flush the answer is
/// written at once; with a synchronous one the send waits in ``BrokerLoop/pending`` until the group commit covers it.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/processor/SendMessageProcessor.java.
/// Deviations: a malformed batch and batch properties that become too long are answered with 13, not 1, as trying again
/// cannot help.
package final class SendMessageHandler: Sendable {
  let parts: BrokerParts
  /// Whether messages go to the light queues that they name.
  let dispatchesToLightQueues: Bool

  /// Makes a handler that uses these parts.
  package init(_ parts: BrokerParts) {
    self.parts = parts
    dispatchesToLightQueues = parts.store.withLock { $0.settings.dispatchesToLightQueues }
  }

  /// Where a message goes after all checks.
  struct Target {
    var topic: Topic
    var queueID: Int32
    /// Whether the message was sent to a retry topic and goes to the dead letters instead.
    var isDead = false

    /// The system flag of a message that goes there: messages of a topic with several tags each are marked.
    func sysFlag(of send: borrowing SendMessage.Request) -> SysFlag {
      let sent = SysFlag(rawValue: send.sysFlag)
      return topic.config.filter == .multiTag ? sent.union(.multiTags) : sent
    }
  }

  /// Handles one request on its loop.
  func handle(_ request: borrowing Request, on connection: Connection, _ state: BrokerLoop) -> Disposition {
    do throws(Refusal) {
      let send = try SendMessage.Request(request)
      let target = try target(of: send, request.header, state)
      let isBatch = send.isBatch || request.code == .sendBatchMessage
      return isBatch
        ? try storeBatch(send, target, request.header, connection, state, &state.properties)
        : try storeMessage(send, target, request.header, connection, state, &state.properties)
    } catch {
      state.traffic.totals.putFailures += 1
      refuse(error, request.header, connection, state)
      return .done
    }
  }

  // MARK: Checks

  /// The queue that a message goes to; refuses a message that may not go there.
  func target(
    of send: borrowing SendMessage.Request, _ header: CommandHeader, _ state: BrokerLoop
  ) throws(Refusal) -> Target {
    let serving = state.serving
    if serving.acceptsSendsFrom.milliseconds > 0, SystemClock.wall() < serving.acceptsSendsFrom {
      throw Refusal(
        .systemError, "broker unable to service, until \(LocalTime(serving.acceptsSendsFrom).iso) (local time)")
    }
    var topic = try topic(send.topic, send, serving)
    if send.topic.starts(with: "%RETRY%") {
      topic = try retryTopic(topic, send, header)
    }
    let isDead = topic.name.utf8.count != send.topic.byteCount
    let queues = topic.queueCount
    guard isDead || (queues > 0 && send.queueID < queues) else {
      throw Refusal(
        .systemError, "request queueId[\(send.queueID)] is illegal, topic \(topic.name) has \(queues) queues")
    }
    if send.queueID >= 0, !isDead { return Target(topic: topic, queueID: send.queueID) }
    let writable = max(topic.config.writeQueueCount, 1)
    return Target(topic: topic, queueID: Int32.random(in: 0..<writable, using: &state.random), isDead: isDead)
  }

  private func topic(
    _ name: RawSpan, _ send: borrowing SendMessage.Request, _ serving: BrokerSettings.Serving
  ) throws(Refusal) -> Topic {
    if let known = parts.topics.withLock({ $0.find(name) }) {
      if known.isClosedToProducers {
        throw Refusal(.noPermission, "Sending message to topic[\(known.name)] is forbidden.")
      }
      if !serving.permission.contains(.write), known.config.isOrdered {
        throw Refusal(
          .noPermission,
          "the broker[\(parts.identity.address)] sending message is forbidden: its permission is read only")
      }
      return known
    }
    try TopicName.check(name)
    if SystemTopics.closedToProducers.contains(name.text) {
      throw Refusal(.noPermission, "Sending message to topic[\(name.text)] is forbidden.")
    }
    return try create(name.text, send)
  }

  private func create(_ name: String, _ send: borrowing SendMessage.Request) throws(Refusal) -> Topic {
    let template = send.defaultTopic.text
    let (queues, unitMode) = (send.defaultTopicQueueCount, send.unitMode)
    do throws(Topics.Missing) {
      let made = try parts.topics.withLock { (topics) throws(Topics.Missing) in
        try topics.forSend(
          to: name, defaultTopic: template, defaultQueueCount: queues, unitMode: unitMode, now: SystemClock.wall())
      }
      if made.isNew {
        parts.changes.topicMadeByUse(made.topic, by: "producer group \(send.producerGroup.text)")
        parts.listener.topicChanged(made.topic)
      }
      return made.topic
    } catch {
      switch error {
      case .notCreated:
        throw Refusal(.topicNotExist, "topic[\(name)] not exist, apply first please!")
      case .full:
        throw Refusal(.systemError, "topic[\(name)] not created: the broker has as many topics as topicLimit allows")
      }
    }
  }

  /// A message that a consumer gives back by itself goes to the dead letters after the last try.
  private func retryTopic(
    _ topic: Topic, _ send: borrowing SendMessage.Request, _ header: CommandHeader
  ) throws(Refusal) -> Topic {
    let group = String(topic.name.dropFirst(SystemTopics.retryPrefix.count))
    guard let settings = parts.groups.findOrMake(group, parts.changes) else {
      throw Refusal(.subscriptionGroupNotExist, "subscription group not exist, \(group) create it first")
    }
    var limit = settings.config.retryMaxTimes
    if header.version >= ClientVersion.overridesReconsumeTimes, let asked = send.maxReconsumeTimes { limit = asked }
    guard send.reconsumeTimes >= limit else { return topic }
    return try parts.ensureTopic(SystemTopics.deadLetterTopic(of: group), queueCount: 1)
  }

  // MARK: Storing

  private func storeMessage(
    _ send: borrowing SendMessage.Request, _ target: Target, _ header: CommandHeader, _ connection: Connection,
    _ state: BrokerLoop, _ stored: inout ByteWriter
  ) throws(Refusal) -> Disposition {
    let limit = state.serving.maxBodyBytes
    guard send.body.byteCount <= limit else {
      throw Refusal(
        .messageIllegal, "the message body has \(send.body.byteCount) bytes, maxMessageSize allows \(limit)")
    }
    let sysFlag = target.sysFlag(of: send)
    let properties = MessageProperties(send.properties)
    let known = KnownProperties(properties)
    if let names = known.lightQueues { try checkLightQueues(send.properties.extracting(names), send.properties) }
    if try Self.isHalf(known, send.properties, sysFlag) {
      return try storeHalf(send, target, known, header, connection, state, &stored)
    }
    if let redirection = try redirection(of: known, send.properties, target, state) {
      return try storeRedirected(redirection, send, known, target, header, connection, state, &stored)
    }
    stored.removeAll()
    let cluster = parts.identity.clusterBytes
    properties.writeStored(cluster: cluster.rawSpan, into: &stored)
    guard stored.count <= MessageProperties.maximumBytes else { throw Refusals.propertiesTooLong(stored.count) }
    let tags = known.tagsCode(in: send.properties)
    guard let queue = try queue(target, state) else { return .stalled }
    var draft = RecordDraft(
      topic: send.topic, body: send.body, properties: stored.bytes, queueID: target.queueID, flag: send.flag,
      sysFlag: sysFlag, bodyCRC: CRC32.body(send.body), bornTime: send.bornTime, bornHost: connection.peer,
      storeHost: parts.identity.storeHost, tagsCode: tags)
    draft.reconsumeTimes = send.reconsumeTimes
    let bytes = draft.recordBytes
    let waits = known.waits(in: send.properties)
    try admit(waits: waits, header, state)
    let hash = repetitionHash(of: send, known, target, state)
    let now = SystemClock.wall()
    let begin = SystemClock.monotonic()
    let storing = try append(
      draft, to: queue, now: now, hash: hash, send, known,
      Answering(header: header, connection: connection, waits: waits), state)
    guard case .done(let outcome) = storing else { return storing.disposition }
    state.traffic.putTook(nanoseconds: SystemClock.monotonic().nanoseconds(since: begin))
    guard let appended = try accept(outcome) else { return .stalled }
    state.traffic.put(topic: target.topic.id, messages: 1, bytes: Int64(bytes))
    let sent = PendingSend(header, connection.id, queueID: target.queueID, appended)
    finish(sent, end: appended.end, waits: waits, connection, state)
    return .done
  }

  private func storeBatch(
    _ send: borrowing SendMessage.Request, _ target: Target, _ header: CommandHeader, _ connection: Connection,
    _ state: BrokerLoop, _ stored: inout ByteWriter
  ) throws(Refusal) -> Disposition {
    let limit = state.serving.maxBodyBytes
    guard send.body.byteCount <= limit else {
      throw Refusal(.messageIllegal, "the batch has \(send.body.byteCount) bytes, maxMessageSize allows \(limit)")
    }
    guard !send.topic.starts(with: "%RETRY%") else {
      throw Refusal(.messageIllegal, "batches cannot be sent to a retry topic")
    }
    let sysFlag = target.sysFlag(of: send)
    let properties = MessageProperties(send.properties)
    let known = KnownProperties(properties)
    guard try !Self.isHalf(known, send.properties, sysFlag) else {
      throw Refusal(.messageIllegal, "a batch cannot be part of a transaction: send its messages one by one")
    }
    if known.isDelayed(in: send.properties) {
      throw Refusal(.messageIllegal, "a batch cannot be delayed: send its messages one by one, or without DELAY")
    }
    if known.isTimed, try waits(properties, send.topic, state) {
      throw Refusal(.messageIllegal, "a batch cannot be delayed: send its messages one by one")
    }
    stored.removeAll()
    let cluster = parts.identity.clusterBytes
    properties.write(into: &stored, removing: PropertyName.lightQueueOffsets)
    MessageProperties.append(
      PropertyName.cluster, cluster.rawSpan, into: &stored, after: 0)
    guard stored.count <= MessageProperties.maximumBytes else {
      throw Refusal(.messageIllegal, "the batch's properties take \(stored.count) bytes, too many")
    }
    guard let queue = try queue(target, state) else { return .stalled }
    var template = RecordDraft(
      topic: send.topic, body: send.body.extracting(0..<0), properties: stored.bytes,
      queueID: target.queueID, flag: send.flag, sysFlag: sysFlag, bodyCRC: 0, bornTime: send.bornTime,
      bornHost: connection.peer, storeHost: parts.identity.storeHost, tagsCode: 0)
    template.reconsumeTimes = send.reconsumeTimes
    let batch = try Self.batch(template, send.body)
    if dispatchesToLightQueues, known.lightQueues != nil || batch.namesLightQueues {
      throw Refusal(.messageIllegal, "a batch cannot go to light queues: send its messages one by one")
    }
    let waits = known.waits(in: send.properties)
    try admit(waits: waits, header, state)
    let hashes = try repetitionHashes(of: send, target, state)
    let now = SystemClock.wall()
    let begin = SystemClock.monotonic()
    let storing = try append(
      batch, to: queue, now: now, hashes: hashes, send,
      Answering(header: header, connection: connection, waits: waits), state)
    guard case .done(let outcome) = storing else { return storing.disposition }
    state.traffic.putTook(nanoseconds: SystemClock.monotonic().nanoseconds(since: begin))
    guard let appended = try accept(outcome) else { return .stalled }
    state.traffic.put(topic: target.topic.id, messages: Int64(batch.count), bytes: Int64(batch.recordBytes))
    var sent = PendingSend(header, connection.id, queueID: target.queueID, appended)
    if !header.isOneway { sent.batchIDs = messageIDs(of: batch, from: appended.offset) }
    finish(sent, end: appended.end, waits: waits, connection, state)
    return .done
  }

  @_lifetime(copy body)
  private static func batch(_ template: borrowing RecordDraft, _ body: RawSpan) throws(Refusal) -> BatchDraft {
    do throws(DecodeError) {
      return try BatchDraft(template, body: body)
    } catch {
      throw Refusal(.messageIllegal, "malformed batch: \(error)")
    }
  }

  private func messageIDs(of batch: borrowing BatchDraft, from start: PhysicalOffset) -> [UInt8] {
    var ids = MessageIDList(host: parts.identity.storeHost, count: batch.count)
    var offset = start
    for index in 0..<batch.count {
      ids.append(offset)
      offset = offset + batch.recordBytes(index)
    }
    return ids.text
  }

  /// The queue to append to; nil when an I/O thread has to read its files first, after which the send is tried again.
  func queue(_ target: Target, _ state: BrokerLoop) throws(Refusal) -> ConsumeQueue? {
    if let queue = state.queue(topic: target.topic, id: target.queueID) { return queue }
    let key = QueueKey(topic: target.topic.id, queue: target.queueID)
    if let error = state.unreadableQueues.removeValue(forKey: key) {
      throw Refusals.queue(error)
    }
    let (topic, id) = (target.topic, target.queueID)
    do throws(DiskError) {
      let queue = try parts.store.withLock { (store) throws(DiskError) -> ConsumeQueue? in
        guard store.isLoaded(topic: topic.name, id: id) else { return nil }
        let queue = try store.openQueue(topic: topic.name, id: id)
        queue.attachment = QueueTag(key)
        return queue
      }
      if let queue {
        state.remember(queue, topic: topic)
        return queue
      }
    } catch {
      throw Refusals.queue(error)
    }
    try parts.readQueue(topic.name, id, on: state, failed: { state.unreadableQueues[key] = $0 })
    return nil
  }

  /// nil when the send must wait: for a segment, or for the deletion of its topic.
  func accept(_ outcome: AppendOutcome) throws(Refusal) -> Appended? {
    switch outcome {
    case .appended(let appended): return appended
    case .notYet:
      parts.threads.segmentMissing()
      return nil
    case .refused(let refusal): throw Refusals.store(refusal)
    }
  }

  // MARK: Answers

  /// Refuses a send that would wait for the device longer than its sender does.
  func admit(waits: Bool, _ header: CommandHeader, _ state: BrokerLoop) throws(Refusal) {
    guard parts.store.isSynchronous, waits, !header.isOneway, state.pending.count >= FlushAdmission.freeSends,
      let end = state.pending.lastEnd
    else { return }
    let (waiting, bytes) = (state.pending.count, end - parts.store.acknowledged)
    let now = SystemClock.monotonic()
    let limit = state.serving.syncTimeout
    let decision = parts.threads.admission.withLock {
      $0.decide(waiting: waiting, bytes: bytes, limit: limit, now: now)
    }
    guard case .refuse(let wait) = decision else { return }
    throw Refusal(
      .systemBusy,
      "the device is behind: \(waiting) sends and \(bytes) bytes wait for it; try again in \(wait.milliseconds) ms",
      retryAfter: wait)
  }

  /// Answers a stored send, at once or when the device has it.
  func finish(
    _ sent: PendingSend, end: PhysicalOffset, waits: Bool, _ connection: Connection, _ state: BrokerLoop
  ) {
    state.hasAppended = true
    if parts.store.isSynchronous, waits, !sent.header.isOneway {
      // A repetition's first one may lie before others that wait already.
      let end = max(end, state.pending.lastEnd ?? end)
      state.pending.add(sent, end: end, deadline: state.loop.now + state.serving.syncTimeout)
      state.wantsFlush = true
    } else {
      answer(sent, .success, on: connection, state)
    }
  }

  /// Answers the sends of a loop that the device now holds, and those whose time is up; all of them when the store
  /// failed.
  func answerPending(_ state: BrokerLoop) {
    let mark = parts.store.acknowledged
    while let sent = state.pending.popAcknowledged(upTo: mark) { answer(sent, .success, state) }
    while let sent = state.pending.popExpired(now: state.loop.now) { answerExpired(sent, state) }
    guard !state.pending.isEmpty, let refusal = parts.store.withLock({ $0.refusal }), case .failed(let error) = refusal
    else { return }
    // The record may or may not be on the device, so that the send counts as failed.
    while let sent = state.pending.popAny() {
      guard let connection = state.loop.connection(sent.connection) else { continue }
      refuse(
        Refusal(.serviceNotAvailable, "the flush failed, the message may be lost: \(error)"), sent.header, connection,
        state)
    }
  }

  private func answerExpired(_ sent: PendingSend, _ state: BrokerLoop) {
    guard let connection = state.loop.connection(sent.connection) else { return }
    let remark = "stored, but the device did not take it in time"
    parts.refusals.add(.flushDiskTimeout, remark, to: sent.header, from: connection.peer)
    answer(sent, .flushDiskTimeout, on: connection, state)
  }

  private func answer(_ sent: PendingSend, _ code: ResponseCode, _ state: BrokerLoop) {
    guard let connection = state.loop.connection(sent.connection) else { return }
    answer(sent, code, on: connection, state)
  }

  private func answer(_ sent: PendingSend, _ code: ResponseCode, on connection: Connection, _ state: BrokerLoop) {
    guard !sent.header.isOneway else { return }
    if sent.batchIDs.isEmpty {
      state.answer.write(
        code, to: sent.header, queueID: sent.queueID, queueOffset: sent.queueOffset, offset: sent.offset,
        into: &connection.output)
    } else {
      state.answer.write(
        code, to: sent.header, queueID: sent.queueID, queueOffset: sent.queueOffset, ids: sent.batchIDs.rawSpan,
        into: &connection.output)
    }
  }

  /// Adds the fields that every answer to a send has.
  func writeBroker(_ writer: inout CommandWriter, _ connection: Connection, _ state: BrokerLoop) {
    let region = parts.identity.regionBytes
    SendMessage.writeBroker(
      region: region.rawSpan, traceOn: state.serving.traceOn, &writer, into: &connection.output)
  }

  /// Answers a send that is refused.
  func refuse(_ refusal: Refusal, _ header: CommandHeader, _ connection: Connection, _ state: BrokerLoop) {
    parts.refusals.add(refusal.code, refusal.remark, to: header, from: connection.peer)
    guard !header.isOneway else { return }
    var writer = ResponseWriter.begin(header, code: refusal.code, remark: refusal.remark, into: &connection.output)
    writeBroker(&writer, connection, state)
    if let wait = refusal.retryAfter {
      writer.field("retryAfterMillis", wait.milliseconds, into: &connection.output)
    }
    writer.finish(into: &connection.output)
  }
}

/// A message that is stored and whose sender waits for the device.
struct PendingSend {
  var header: CommandHeader
  var connection: ConnectionID
  var queueID: Int32
  var queueOffset: QueueOffset
  var offset: PhysicalOffset
  /// The ids of a batch, separated by commas; empty for a single message.
  var batchIDs: [UInt8] = []
}

extension PendingSend {
  /// A send that was stored at `place`; its answer names `queueID`, the queue that it was sent to.
  init(_ header: CommandHeader, _ connection: ConnectionID, queueID: Int32, _ place: Appended) {
    self.init(
      header: header, connection: connection, queueID: queueID, queueOffset: place.queueOffset, offset: place.offset)
  }
}

/// Versions of the protocol from which on clients behave differently.
package enum ClientVersion {
  /// V3_4_9: sends carry maxReconsumeTimes, which overrides the group's.
  package static let overridesReconsumeTimes: Int32 = 121
}
