import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
import ApusSystem

/// Takes the answer of a request-reply, stores it in the cluster's reply topic, and hands it (code 326) to the client
/// that asked: codes 324 and 325.
///
/// The answering client learns what became of handing it over: 0 only when the asking client took it, else 1. The
/// answer is stored either way, unless `storeReplyMessageEnable` is off. It is not waited for the device: a reply is of
/// use to the one client that waits for it now.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/processor/ReplyMessageProcessor.java.
/// Deviations: the reply is stored before it is handed over rather than after, so that a full log delays it instead of
/// losing it; replies that belong to a transaction are refused, as nobody could end it; no thread waits for the client.
final class SendReplyMessageHandler: Sendable {
  /// How long the asking client may take: Java's `Broker2Client` waits as long.
  static let timeout = Duration.seconds(10)

  private let parts: BrokerParts
  private let send: SendMessageHandler
  private let relay: ClientRelay

  init(_ parts: BrokerParts, send: SendMessageHandler, relay: ClientRelay) {
    self.parts = parts
    self.send = send
    self.relay = relay
  }

  /// What the answering client is told besides the code.
  private struct Place: Sendable {
    var messageID = "0"
    var queueID: Int32
    var queueOffset: Int64 = 0
  }

  /// Handles one request on its loop.
  func handle(_ request: borrowing Request, on connection: Connection, _ state: BrokerLoop) -> Disposition {
    let header = request.header
    do throws(Refusal) {
      let reply = try SendMessage.Request(request)
      let target = try send.target(of: reply, header, state)
      try check(reply, state)
      var place = Place(queueID: target.queueID)
      if state.serving.storesReplies {
        guard let stored = try store(reply, target, connection, state) else { return .stalled }
        place = stored
      }
      handOver(reply, place, header, connection, state)
    } catch {
      state.traffic.totals.putFailures += 1
      send.refuse(error, header, connection, state)
    }
    return .done
  }

  private func check(_ reply: borrowing SendMessage.Request, _ state: BrokerLoop) throws(Refusal) {
    let limit = state.serving.maxBodyBytes
    guard reply.body.byteCount <= limit else {
      throw Refusal(.messageIllegal, "the reply has \(reply.body.byteCount) bytes, maxMessageSize allows \(limit)")
    }
    guard reply.properties.byteCount <= MessageProperties.maximumBytes else {
      throw Refusal(
        .messageIllegal,
        "the properties take \(reply.properties.byteCount) bytes, at most \(MessageProperties.maximumBytes) fit")
    }
    guard SysFlag(rawValue: reply.sysFlag).transaction == .none, !reply.isBatch else {
      throw Refusal(.messageIllegal, "a reply is one message and no part of a transaction")
    }
    if let names = KnownProperties(MessageProperties(reply.properties)).lightQueues {
      try send.checkLightQueues(reply.properties.extracting(names), reply.properties)
    }
  }

  /// nil when the reply must wait for a segment.
  private func store(
    _ reply: borrowing SendMessage.Request, _ target: SendMessageHandler.Target, _ connection: Connection,
    _ state: BrokerLoop
  ) throws(Refusal) -> Place? {
    let known = KnownProperties(MessageProperties(reply.properties))
    let tags = known.tags.map { TagsCode.hash(reply.properties.extracting($0)) } ?? 0
    guard let queue = try send.queue(target, state) else { return nil }
    let name = Array(target.topic.name.utf8)
    var draft = RecordDraft(
      topic: name.rawSpan, body: reply.body, properties: reply.properties, queueID: target.queueID, flag: reply.flag,
      sysFlag: SysFlag(rawValue: reply.sysFlag), bodyCRC: CRC32.body(reply.body), bornTime: reply.bornTime,
      bornHost: connection.peer, storeHost: parts.identity.storeHost, tagsCode: tags)
    draft.reconsumeTimes = reply.reconsumeTimes
    guard let appended = try send.accept(append(draft, to: queue)) else { return nil }
    state.traffic.put(topic: target.topic.id, messages: 1, bytes: Int64(draft.recordBytes))
    state.hasAppended = true
    let id = MessageID(host: parts.identity.storeHost, offset: appended.offset)
    return Place(messageID: "\(id)", queueID: target.queueID, queueOffset: appended.queueOffset.rawValue)
  }

  /// Places in light queues are the broker's to tell: a start would believe those of a client when it builds queues anew.
  private func append(_ draft: borrowing RecordDraft, to queue: ConsumeQueue) -> AppendOutcome {
    let now = SystemClock.wall()
    guard MessageProperties(draft.properties).contains(PropertyName.lightQueueOffsets) else {
      return parts.store.withLock { $0.append(draft, to: queue, now: now) }
    }
    var kept = ByteWriter(capacity: draft.properties.byteCount)
    MessageProperties(draft.properties).write(into: &kept, removing: PropertyName.lightQueueOffsets)
    let cleaned = draft.replacing(properties: kept.bytes)
    return parts.store.withLock { $0.append(cleaned, to: queue, now: now) }
  }

  // MARK: Handing over

  private func handOver(
    _ reply: borrowing SendMessage.Request, _ place: Place, _ header: CommandHeader, _ connection: Connection,
    _ state: BrokerLoop
  ) {
    guard let asker = MessageProperties(reply.properties).value(of: PropertyName.replyToClient)?.text else {
      return answer("REPLY_TO_CLIENT is null, can not reply message", place, header, connection, state)
    }
    guard let number = parts.clients.withLock({ $0.producer(clientID: asker) }) else {
      return answer(
        "push reply message fail, channel of <\(asker)> not found.", place, header, connection, state)
    }
    let now = SystemClock.wall().milliseconds
    let push = PushReplyMessageToClient.Request(
      reply, queueID: place.queueID, properties: Self.pushed(reply.properties, now: now),
      bornHost: connection.peer.description, storeHost: parts.identity.storeHost.description, storeTimestamp: now)
    let id = connection.id
    relay.call(
      ClientCall(connection: number, code: .pushReplyMessageToClient, fields: push.fields, body: push.body),
      timeout: Self.timeout, on: state.loop
    ) { [self] outcome in
      guard let connection = state.loop.connection(id) else { return }
      var failure: String? = "push reply message to \(asker)fail."
      if case .success(let command) = outcome, command.responseCode == .success { failure = nil }
      answer(failure, place, header, connection, state)
    }
  }

  /// The properties as the asking client gets them: with the moment of handing over first.
  private static func pushed(_ properties: RawSpan, now: Int64) -> String {
    var writer = ByteWriter(capacity: properties.byteCount + 64)
    writer.write(PropertyName.pushReplyTime)
    writer.write(MessageProperties.nameValueSeparator)
    writer.write(decimal: now)
    writer.write(MessageProperties.pairSeparator)
    MessageProperties(properties).write(into: &writer, removing: PropertyName.pushReplyTime)
    return writer.bytes.text
  }

  private func answer(
    _ failure: String?, _ place: Place, _ header: CommandHeader, _ connection: Connection, _ state: BrokerLoop
  ) {
    if let failure { parts.refusals.add(.systemError, failure, to: header, from: connection.peer) }
    guard !header.isOneway else { return }
    var writer = ResponseWriter.begin(
      header, code: failure == nil ? .success : .systemError, remark: failure, into: &connection.output)
    // Java names no place for a reply that was neither handed over nor stored.
    if failure == nil || place.messageID != "0" {
      writer.field("queueId", place.queueID, into: &connection.output)
      writer.field("msgId", place.messageID, into: &connection.output)
      writer.field("queueOffset", place.queueOffset, into: &connection.output)
    }
    send.writeBroker(&writer, connection, state)
    writer.finish(into: &connection.output)
  }
}
