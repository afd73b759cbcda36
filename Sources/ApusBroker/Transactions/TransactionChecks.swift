import ApusAccess
import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusStore
import ApusStoreCore
import ApusSystem

/// Asks producers about half messages that nobody ended: every `transactionCheckInterval` a round over all open ones.
///
/// Rounds run on one loop by its timers; records are read on I/O threads, a bounded number of bytes at a time. One
/// producer of the group is asked, the next time the next one. One that does not fetch what it was sent is not asked,
/// which counts as a check all the same.
final class TransactionChecks: Sendable {
  /// How much is read before something is done about it.
  private static let batchCount = 32
  private static let batchBytes = 1 << 20
  /// No round takes longer; what it did not reach is first in none, as the next begins at the oldest again.
  private static let roundLimit = Duration.seconds(60)
  /// How often the offsets of CID_RMQ_SYS_TRANS move.
  private static let offsetInterval = Duration.seconds(5)

  private let parts: BrokerParts
  private let transactions: Transactions
  private let relay: ClientRelay
  private let state: BrokerLoop
  private let turn = Locked(0)

  /// A round under way.
  private struct Round: Sendable {
    var position: Int64 = 0
    var end: Int64
    var deadline: MonotonicTime
  }

  /// A half message that was read; no bytes when it is not there any more, or cannot be read now.
  private struct Reading: Sendable {
    var half: Int64
    var bytes: [UInt8]?
    var isGone = false
  }

  /// Works on the loop of `state`, and asks by way of `relay`.
  init(_ parts: BrokerParts, transactions: Transactions, relay: ClientRelay, on state: BrokerLoop) {
    self.parts = parts
    self.transactions = transactions
    self.relay = relay
    self.state = state
  }

  /// Begins: to be called once.
  func start() {
    _ = state.loop.execute { [self] in
      transactions.finishUnfinished(on: state)
      scheduleRound()
      scheduleOffsets()
    }
  }

  private func scheduleOffsets() {
    state.loop.schedule(after: Self.offsetInterval) { [self] in
      transactions.commitOffsets()
      scheduleOffsets()
    }
  }

  private func scheduleRound() {
    state.loop.schedule(after: state.serving.transactions.interval) { [self] in
      let serving = state.serving.transactions
      transactions.halves.withLock { $0.rules = serving.rules }
      step(Round(end: transactions.end, deadline: state.loop.now + Self.roundLimit))
    }
  }

  // MARK: A round

  private func step(_ round: Round) {
    let now = SystemClock.wall()
    let batch = transactions.halves.withLock { core in
      var batch: [Int64] = []
      var position = round.position
      while batch.count < Self.batchCount, let half = core.next(from: position, before: round.end, now: now) {
        batch.append(half)
        position = half + 1
      }
      return batch
    }
    guard !batch.isEmpty, state.loop.now < round.deadline else { return finishRound() }
    let accepted = parts.io.submit { [self] in
      do throws(DiskError) {
        let readings = try read(batch)
        _ = state.loop.execute { [self] in take(readings, round) }
      } catch {
        parts.log.error("transactions", "half messages cannot be read", ["cause": error])
        _ = state.loop.execute { [self] in finishRound() }
      }
    }
    if !accepted { finishRound() }
  }

  private func read(_ batch: [Int64]) throws(DiskError) -> [Reading] {
    var readings: [Reading] = []
    var bytes = 0
    for half in batch where bytes < Self.batchBytes {
      let record = try transactions.read(half: half)
      bytes += record?.count ?? 0
      var reading = Reading(half: half, bytes: record)
      if record == nil { reading.isGone = try transactions.isGone(half: half) }
      readings.append(reading)
    }
    return readings
  }

  private func take(_ readings: [Reading], _ round: Round) {
    var round = round
    for reading in readings {
      take(reading, end: round.end)
      round.position = reading.half + 1
    }
    step(round)
  }

  private func finishRound() {
    transactions.commitOffsets()
    let accepted = parts.io.submit { [self] in
      do throws(DiskError) {
        try transactions.saveCounts()
      } catch {
        parts.log.error("transactions", "the counts of checks cannot be written", ["cause": error])
      }
    }
    if !accepted { parts.log.warning("transactions", "the counts of checks are written after the next round") }
    scheduleRound()
  }

  // MARK: One half message

  private func take(_ reading: Reading, end: Int64) {
    guard let bytes = reading.bytes else {
      // What cannot be read now is looked at in the next round; forgotten, it would never be asked about.
      guard reading.isGone else { return }
      transactions.halves.withLock { $0.lost(reading.half) }
      parts.log.warning("transactions", "a half message is not there any more", ["queueOffset": reading.half])
      return
    }
    guard let half = HalfRecord(bytes.rawSpan) else { return }
    let (known, now) = (half.half, SystemClock.wall())
    switch transactions.halves.withLock({ $0.decide(known, end: end, now: now) }) {
    case .leave: return
    case .ask(let times): ask(half, times: times, queueOffset: half.queueOffset, offset: half.record.physicalOffset)
    case .renew(let times):
      guard let renewed = transactions.move(half, to: SystemTopics.halfMessages, checks: times, on: state) else {
        return transactions.halves.withLock { $0.notAsked(known) }
      }
      ask(half, times: times, queueOffset: renewed.queueOffset.rawValue, offset: renewed.offset)
    case .giveUp(let reason):
      let times = transactions.halves.withLock { $0.checks(of: known) }
      guard transactions.move(half, to: SystemTopics.checkedTooOften, checks: times, on: state) != nil else { return }
      parts.log.warning(
        "transactions", "a half message was given up: its producers did not say what became of it",
        [
          "queueOffset": half.queueOffset, "reason": reason == .tooOld ? "too old" : "asked too often",
          "group": half.record.properties.value(of: PropertyName.producerGroup)?.text ?? "none",
          "uniqueKey": half.record.properties.value(of: PropertyName.uniqueKey)?.text ?? "none",
        ])
    }
  }

  private func ask(_ half: borrowing HalfRecord, times: Int32, queueOffset: Int64, offset: PhysicalOffset) {
    guard let producer = nextProducer(of: half),
      let question = half.question(times: times, queueOffset: queueOffset, offset: offset)
    else { return }
    let call = ClientCall(
      connection: producer, code: CheckTransactionState.Request.code, fields: question.fields, body: question.body)
    relay.notify(call, on: state.loop)
  }

  /// The next one of a half message's producers; nil when there is none. The question shows them the message, so that
  /// with access control only those count who may send to its topic: anybody can say that they are of a group.
  private func nextProducer(of half: borrowing HalfRecord) -> UInt64? {
    guard let group = half.record.properties.value(of: PropertyName.producerGroup)?.text,
      var members = parts.clients.withLock({ $0.producers(of: group) })
    else { return nil }
    if let topic = half.realTopic?.array {
      let grants = parts.tables.grants.withLock { grants in members.map { grants[$0] } }
      members = zip(members, grants).filter { $1?.allows(.publish, topic: topic.rawSpan) ?? true }.map(\.0)
    }
    guard !members.isEmpty else { return nil }
    let next = turn.withLock { turn in
      turn &+= 1
      return turn
    }
    return members[Int(UInt(bitPattern: next) % UInt(members.count))]
  }
}
