import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem
import Synchronization

/// Sends that a client repeats because the first answer did not reach it: with `dedupWindowMillis` set they are
/// answered with the first one's ids and not stored again.
///
/// A repetition has the first one's topic, UNIQ_KEY and body; every client keeps the key when it tries again. Batches
/// are taken whole: one is a repetition when its first message is and the records behind the first one's are those of
/// its other messages, each by its own key. Never looked at: messages that consumers give back, half messages, replies,
/// what the broker stores by itself, and batches in which a message has no key.
extension SendMessageHandler {
  /// What was found out about a send whose hash is known.
  private enum Repetition {
    /// It was answered.
    case answered
    /// It must wait until an I/O thread has read the first one.
    case cold
    /// The record at this offset is another message.
    case different(PhysicalOffset)
  }

  /// How a send is answered once it is stored.
  struct Answering {
    var header: CommandHeader
    var connection: Connection
    /// Whether the sender wants to wait for the device.
    var waits: Bool
  }

  /// The hash under which a single message is remembered; nil when it is not looked at.
  func repetitionHash(
    of send: borrowing SendMessage.Request, _ known: KnownProperties, _ target: Target, _ state: BrokerLoop
  ) -> UInt64? {
    guard state.serving.duplicates.isOn, let key = known.uniqueKey, !target.isDead, state.covers(target.topic),
      SysFlag(rawValue: send.sysFlag).transaction == .none
    else { return nil }
    return parts.duplicates.hash(topic: send.topic, key: send.properties.extracting(key))
  }

  /// The hashes of a batch's messages; empty when it is not looked at.
  func repetitionHashes(
    of send: borrowing SendMessage.Request, _ target: Target, _ state: BrokerLoop
  ) throws(Refusal) -> [UInt64] {
    guard state.serving.duplicates.isOn, state.covers(target.topic),
      SysFlag(rawValue: send.sysFlag).transaction == .none
    else { return [] }
    var hashes: [UInt64] = []
    do throws(DecodeError) {
      var items = BatchBody(send.body)
      while let item = try items.next() {
        guard let key = MessageProperties(item.properties).value(of: PropertyName.uniqueKey) else { return [] }
        hashes.append(parts.duplicates.hash(topic: send.topic, key: key))
      }
    } catch {
      throw Refusal(.messageIllegal, "malformed batch: \(error)")
    }
    return hashes
  }

  // MARK: Storing

  /// What became of a message that may be a repetition.
  enum Storing {
    /// It is none, and the store said this.
    case done(AppendOutcome)
    /// It is one and was answered.
    case answered
    /// It is to be tried again, when an I/O thread has read what it may repeat.
    case cold

    /// What the connection does with the request when the store was not asked.
    var disposition: Disposition {
      if case .cold = self { .stalled } else { .done }
    }
  }

  /// Stores a message unless it is a repetition; without a hash it is none. Looking and storing are one step under the
  /// store's lock, so that of two equal messages on two loops one is stored.
  func append(
    _ draft: borrowing RecordDraft, to queue: ConsumeQueue, now: WallTime, hash: UInt64?,
    _ send: borrowing SendMessage.Request, _ known: KnownProperties, _ answering: Answering, _ state: BrokerLoop
  ) throws(Refusal) -> Storing {
    guard let hash, let key = known.uniqueKey else {
      return .done(parts.store.withLock { $0.append(draft, to: queue, now: now) })
    }
    var different = PhysicalOffset(-1)
    while true {
      let outcome = parts.store.withLock { store -> AppendOutcome? in
        if let newest = parts.duplicates.newest(hash), newest > different { return nil }
        let outcome = store.append(draft, to: queue, now: now)
        if case .appended(let appended) = outcome { parts.duplicates.remember(hash, at: appended.offset) }
        return outcome
      }
      if let outcome { return .done(outcome) }
      switch try answerRepetition(
        of: send, hash: hash, key: send.properties.extracting(key), bodyCRC: draft.bodyCRC, answering, state)
      {
      case .answered: return .answered
      case .cold: return .cold
      case .different(let offset): different = offset
      }
    }
  }

  /// Stores a batch unless it is a repetition; without hashes it is none.
  func append(
    _ batch: borrowing BatchDraft, to queue: ConsumeQueue, now: WallTime, hashes: [UInt64],
    _ send: borrowing SendMessage.Request, _ answering: Answering, _ state: BrokerLoop
  ) throws(Refusal) -> Storing {
    var different = PhysicalOffset(-1)
    while true {
      let outcome = parts.store.withLock { store -> AppendOutcome? in
        if let hash = hashes.first, let newest = parts.duplicates.newest(hash), newest > different { return nil }
        let outcome = store.append(batch: batch, to: queue, now: now)
        if case .appended(let appended) = outcome {
          var offset = appended.offset
          for (index, hash) in hashes.enumerated() {
            parts.duplicates.remember(hash, at: offset)
            offset = offset + batch.recordBytes(index)
          }
        }
        return outcome
      }
      if let outcome { return .done(outcome) }
      switch try answerRepetition(ofBatch: send, hashes: hashes, answering, state) {
      case .answered: return .answered
      case .cold: return .cold
      case .different(let offset): different = offset
      }
    }
  }

  // MARK: Comparing

  /// Compares a message with the newest record of the same hash, and answers it when it is the same.
  private func answerRepetition(
    of send: borrowing SendMessage.Request, hash: UInt64, key: RawSpan, bodyCRC: Int32, _ answering: Answering,
    _ state: BrokerLoop
  ) throws(Refusal) -> Repetition {
    let message = SendIdentity(topic: send.topic, key: key, bodyBytes: send.body.byteCount, bodyCRC: bodyCRC)
    guard let offset = newest(hash) else { return .different(PhysicalOffset(-1)) }
    switch compare(message, at: offset, state) {
    case .same(let first):
      answer(first, answering, state)
      return .answered
    case .different: return .different(offset)
    case .cold(let plan):
      try read(1, from: offset, plan, state)
      return .cold
    }
  }

  /// Compares a batch with the records from the newest one on that has the hash of its first message.
  private func answerRepetition(
    ofBatch send: borrowing SendMessage.Request, hashes: [UInt64], _ answering: Answering, _ state: BrokerLoop
  ) throws(Refusal) -> Repetition {
    guard let offset = newest(hashes[0]) else { return .different(PhysicalOffset(-1)) }
    var whole: DuplicateSends.First?
    var ids = ByteWriter(capacity: hashes.count * 33)
    var found = Comparison.different
    do throws(DecodeError) {
      var items = BatchBody(send.body)
      comparing: while let item = try items.next() {
        found = .different
        guard let key = MessageProperties(item.properties).value(of: PropertyName.uniqueKey) else { break }
        let message = SendIdentity(
          topic: send.topic, key: key, bodyBytes: item.body.byteCount, bodyCRC: CRC32.body(item.body))
        found = compare(message, at: whole?.end ?? offset, state)
        guard case .same(let record) = found else { break comparing }
        if ids.count > 0 { ids.write(UInt8(ascii: ",")) }
        MessageID(host: parts.identity.storeHost, offset: record.offset).write(into: &ids)
        if whole == nil { whole = record }
        whole?.end = record.end
      }
    } catch {
      throw Refusal(.messageIllegal, "malformed batch: \(error)")
    }
    if case .cold(let plan) = found {
      try read(hashes.count, from: offset, plan, state)
      return .cold
    }
    guard case .same = found, var first = whole else { return .different(offset) }
    first.batchIDs = ids.array
    answer(first, answering, state)
    return .answered
  }

  private func newest(_ hash: UInt64) -> PhysicalOffset? {
    parts.store.withLock { _ in parts.duplicates.newest(hash) }
  }

  private enum Comparison {
    case same(DuplicateSends.First)
    case different
    /// The record is not in memory; the plan is nil when its file is mapped.
    case cold(WarmPlan?)
  }

  private func compare(_ message: borrowing SendIdentity, at offset: PhysicalOffset, _ state: BrokerLoop) -> Comparison
  {
    let topic = message.topic
    // What was deleted with its topic nobody is given any more.
    guard !parts.store.withLock({ $0.isDeleted(offset, of: topic) }) else { return .different }
    let (lookup, end) = parts.store.withLock { ($0.record(at: offset), $0.marks.appended) }
    switch lookup {
    case .missing: return .different
    case .cold(let plan): return .cold(plan)
    case .found(let range):
      guard parts.store.isResident(range, logEnd: end) else { return .cold(nil) }
      let since = state.serving.duplicates.begin(SystemClock.wall())
      guard let record = StoredRecord.whole(at: range.bytes()), message.isStored(as: record, since: since) else {
        return .different
      }
      var queueID = record.queueID
      if record.isDelayed, let real = record.properties.integer(PropertyName.realQueueID) {
        queueID = Int32(truncatingIfNeeded: real)
      }
      return .same(
        DuplicateSends.First(
          queueID: queueID, queueOffset: record.queueOffset, offset: offset, end: offset + record.size))
    }
  }

  /// Has records brought near by an I/O thread, after which the send is tried again.
  private func read(
    _ count: Int, from start: PhysicalOffset, _ plan: WarmPlan?, _ state: BrokerLoop
  ) throws(Refusal) {
    let store = parts.store
    let warm: @Sendable () -> DiskError? = {
      if let plan { store.warm(plan) }
      var offset = start
      for _ in 0..<count {
        guard let record = store.record(at: offset) else { break }
        offset = offset + record.count
      }
      return nil
    }
    try parts.read(.log(start), on: state, warm)
  }

  // MARK: Answering

  private func answer(_ first: DuplicateSends.First, _ answering: Answering, _ state: BrokerLoop) {
    parts.duplicates.answered.add(1, ordering: .relaxed)
    let sent = PendingSend(
      header: answering.header, connection: answering.connection.id, queueID: first.queueID,
      queueOffset: first.queueOffset, offset: first.offset, batchIDs: first.batchIDs)
    finish(sent, end: first.end, waits: answering.waits, answering.connection, state)
  }
}
