import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem
import Synchronization

/// Messages that are not stored where they were sent: those that wait for their delivery, and those that were tried too
/// often.
extension SendMessageHandler {
  /// Where a message is stored instead.
  enum Redirection {
    /// In the queue of a delay level, until it is due.
    case delayed(topic: Topic, level: Int)
    /// Among the messages that wait for a time of their own, or that cancel one.
    case timed(topic: Topic, due: WallTime)
    /// Among the dead letters of a group.
    case dead
  }

  /// Where a message goes instead of its target; nil when it goes there.
  func redirection(
    of known: KnownProperties, _ properties: RawSpan, _ target: Target, _ state: BrokerLoop
  ) throws(Refusal) -> Redirection? {
    if target.isDead { return .dead }
    if let delayed = try delayed(by: known, properties) { return delayed }
    return known.isTimed ? try timed(properties, target, state) : nil
  }

  private func delayed(by known: KnownProperties, _ properties: RawSpan) throws(Refusal) -> Redirection? {
    guard let range = known.delay else { return nil }
    guard let asked = Int64(properties.extracting(range).text), asked <= Int64(Int32.max) else {
      throw Refusal(.messageIllegal, "the property DELAY is no delay level: \(properties.extracting(range).text)")
    }
    let level = parts.delayLevels.clamped(asked)
    guard level > 0 else { return nil }
    guard let topic = parts.topics.withLock({ $0.find(SystemTopics.schedule) }) else {
      throw Refusal(.systemError, "the topic of delayed messages is missing")
    }
    return .delayed(topic: topic, level: level)
  }

  private func timed(
    _ properties: RawSpan, _ target: Target, _ state: BrokerLoop
  ) throws(Refusal) -> Redirection? {
    let now = SystemClock.wall()
    let name = Array(target.topic.name.utf8)
    var due = now
    switch try asked(MessageProperties(properties), name.rawSpan, state, now) {
    case nil, .immediate: return nil
    case .cancel: break
    case .deliver(let time):
      due = time
      let (pending, limit) = (parts.timers.pending.load(ordering: .relaxed), state.serving.timers.pendingLimit)
      guard pending < limit else {
        throw Refusal(
          .systemBusy, "timer message is under flow control, timerPendingLimit is \(limit): try again in a moment")
      }
    }
    return .timed(topic: try parts.ownTopic(SystemTopics.timer), due: due)
  }

  private func asked(
    _ properties: borrowing MessageProperties, _ topic: RawSpan, _ state: BrokerLoop, _ now: WallTime
  ) throws(Refusal) -> TimerRequest? {
    do throws(TimerRequest.Fault) {
      return try TimerRequest.read(properties, topic: topic, rules: state.serving.timers, now: now)
    } catch {
      if case .disabled = error { throw Refusal(.systemError, error.remark) }
      throw Refusal(.messageIllegal, error.remark)
    }
  }

  /// Whether a message asks to be delivered later or cancels one that does.
  func waits(
    _ properties: borrowing MessageProperties, _ topic: RawSpan, _ state: BrokerLoop
  ) throws(Refusal) -> Bool {
    switch try asked(properties, topic, state, SystemClock.wall()) {
    case nil, .immediate: false
    case .deliver, .cancel: true
    }
  }

  /// Stores a message where it goes instead of its target. The answer names the target's queue, as Java's does.
  func storeRedirected(
    _ redirection: Redirection, _ send: borrowing SendMessage.Request, _ known: KnownProperties, _ target: Target,
    _ header: CommandHeader, _ connection: Connection, _ state: BrokerLoop, _ stored: inout ByteWriter
  ) throws(Refusal) -> Disposition {
    let now = SystemClock.wall()
    let properties = MessageProperties(send.properties)
    let cluster = parts.identity.clusterBytes
    stored.removeAll()
    var place = target
    var tags: Int64 = 0
    var reserve = 0
    switch redirection {
    case .delayed(let topic, let level):
      let real = Array(target.topic.name.utf8)
      properties.writeDelayed(
        level: level, topic: real.rawSpan, queueID: target.queueID, cluster: cluster.rawSpan, into: &stored)
      place = Target(topic: topic, queueID: Int32(level - 1))
      tags = parts.delayLevels.deliveryTime(level: level, storedAt: now).milliseconds
    case .timed(let topic, let due):
      let real = Array(target.topic.name.utf8)
      TimerRecord.writeWaiting(
        properties, due: due, topic: real.rawSpan, queueID: target.queueID, cluster: cluster.rawSpan, into: &stored)
      place = Target(topic: topic, queueID: 0)
      tags = known.tagsCode(in: send.properties)
      reserve = TimerRecord.reservedBytes
    case .dead:
      DeadLetter.write(properties, reason: .triedTooOften, cluster: cluster.rawSpan, into: &stored)
      tags = known.tagsCode(in: send.properties)
    }
    let limit = MessageProperties.maximumBytes - reserve
    guard stored.count <= limit else { throw Refusals.propertiesTooLong(stored.count, limit: limit) }
    guard let queue = try queue(place, state) else { return .stalled }
    let name = Array(place.topic.name.utf8)
    var draft = RecordDraft(
      topic: name.rawSpan, body: send.body, properties: stored.bytes, queueID: place.queueID, flag: send.flag,
      sysFlag: target.sysFlag(of: send), bodyCRC: CRC32.body(send.body), bornTime: send.bornTime,
      bornHost: connection.peer, storeHost: parts.identity.storeHost, tagsCode: tags)
    draft.reconsumeTimes = send.reconsumeTimes
    let bytes = draft.recordBytes
    let waits = known.waits(in: send.properties)
    try admit(waits: waits, header, state)
    let storing = try append(
      draft, to: queue, now: now, hash: repetitionHash(of: send, known, target, state), send, known,
      Answering(header: header, connection: connection, waits: waits), state)
    guard case .done(let outcome) = storing else { return storing.disposition }
    guard let appended = try accept(outcome) else { return .stalled }
    state.traffic.put(topic: place.topic.id, messages: 1, bytes: Int64(bytes))
    switch redirection {
    case .delayed, .timed: state.hasDelayed = true
    case .dead: break
    }
    let sent = PendingSend(header, connection.id, queueID: target.queueID, appended)
    finish(sent, end: appended.end, waits: waits, connection, state)
    return .done
  }
}
