import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem

/// Half messages: sends with the property TRAN_MSG. They wait in RMQ_SYS_TRANS_HALF_TOPIC and say in REAL_TOPIC and
/// REAL_QID where they were sent to; the answer's queue offset is that of the half message, by which it is ended.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/transaction/queue/TransactionalMessageBridge.java
/// (`parseHalfMessageInner`).
extension SendMessageHandler {
  private static let halfTopic = Array(SystemTopics.halfMessages.utf8)

  /// Whether a message is a half message. Throws what one is refused with that says so in one place only: stored, it
  /// would never be delivered.
  static func isHalf(
    _ known: KnownProperties, _ properties: RawSpan, _ sysFlag: SysFlag
  ) throws(Refusal) -> Bool {
    if known.transaction.map({ MessageProperties.isTrue(properties.extracting($0)) }) ?? false { return true }
    guard sysFlag.transaction == .none else {
      throw Refusal(
        .messageIllegal, "the system flag says that the message is part of a transaction: half messages need TRAN_MSG")
    }
    return false
  }

  /// Stores a half message whose real topic and queue were checked.
  func storeHalf(
    _ send: borrowing SendMessage.Request, _ target: Target, _ known: KnownProperties, _ header: CommandHeader,
    _ connection: Connection, _ state: BrokerLoop, _ stored: inout ByteWriter
  ) throws(Refusal) -> Disposition {
    guard !state.serving.rejectsTransactions else {
      throw Refusal(
        .noPermission, "the broker[\(parts.identity.address)] sending transaction message is forbidden")
    }
    if known.isDelayed(in: send.properties) {
      throw Refusal(.messageIllegal, "a half message cannot be delayed: send it without the property DELAY")
    }
    let properties = MessageProperties(send.properties)
    if known.isTimed, try waits(properties, send.topic, state) {
      throw Refusal(.messageIllegal, "a half message cannot be delayed: send it without the properties TIMER_…")
    }
    stored.removeAll()
    properties.write(
      into: &stored, removing: PropertyName.cluster, PropertyName.realTopic, PropertyName.realQueueID,
      PropertyName.lightQueueOffsets)
    let cluster = parts.identity.clusterBytes
    let queueText = Array("\(target.queueID)".utf8)
    let real = Array(target.topic.name.utf8)
    MessageProperties.append(PropertyName.cluster, cluster.rawSpan, into: &stored, after: 0)
    MessageProperties.append(PropertyName.realTopic, real.rawSpan, into: &stored, after: 0)
    MessageProperties.append(PropertyName.realQueueID, queueText.rawSpan, into: &stored, after: 0)
    guard stored.count <= MessageProperties.maximumBytes else { throw Refusals.propertiesTooLong(stored.count) }
    let topic = try parts.ownTopic(SystemTopics.halfMessages)
    guard let queue = try queue(Target(topic: topic, queueID: 0), state) else { return .stalled }
    var sysFlag = target.sysFlag(of: send)
    sysFlag.transaction = .none
    let name = Self.halfTopic
    var draft = RecordDraft(
      topic: name.rawSpan, body: send.body, properties: stored.bytes, queueID: 0, flag: send.flag, sysFlag: sysFlag,
      bodyCRC: CRC32.body(send.body), bornTime: send.bornTime, bornHost: connection.peer,
      storeHost: parts.identity.storeHost,
      tagsCode: known.tagsCode(in: send.properties))
    draft.reconsumeTimes = send.reconsumeTimes
    let bytes = draft.recordBytes
    let waits = known.waits(in: send.properties)
    try admit(waits: waits, header, state)
    let now = SystemClock.wall()
    guard let appended = try accept(parts.store.withLock({ $0.append(draft, to: queue, now: now) })) else {
      return .stalled
    }
    state.traffic.put(topic: topic.id, messages: 1, bytes: Int64(bytes))
    let sent = PendingSend(header, connection.id, queueID: target.queueID, appended)
    finish(sent, end: appended.end, waits: waits, connection, state)
    return .done
  }
}
