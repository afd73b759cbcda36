import ApusAccess
import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem

/// Commits and rolls back half messages: request 37. On the loop that the request came to; a half message that only the
/// device has is read on an I/O thread while the connection waits.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/processor/EndTransactionProcessor.java.
/// Deviations: a half message that has ended is refused instead of being delivered again; a request to leave it open,
/// which Java does not answer, is answered with success; a request that names another message than the one that stands
/// there now is refused, and so is one that names what is in no queue.
final class EndTransactionHandler: Sendable {
  private let parts: BrokerParts
  private let transactions: Transactions
  /// Topics with a queue that could not be loaded, for the request that waits for it.
  private let failures = Locked<[String: DiskError]>([:])

  init(_ parts: BrokerParts, transactions: Transactions) {
    self.parts = parts
    self.transactions = transactions
  }

  /// Handles one request on its loop.
  func handle(_ request: borrowing Request, on connection: Connection, _ state: BrokerLoop) -> Disposition {
    do throws(Refusal) {
      guard parts.identity.id == 0 else {
        throw Refusal(.slaveNotAvailable, "this broker is a replica: transactions are ended at its master")
      }
      let end = try EndTransaction.Request(request)
      switch EndTransaction.Resolution(rawValue: end.resolution) {
      case .commit, .rollback:
        guard try resolve(end, state) else { return .stalled }
      case .unknown, nil: break
      }
      connection.send(Reply(), to: request.header)
    } catch {
      connection.send(Reply(error), to: request.header)
    }
    return .done
  }

  /// Returns false when the request must wait.
  private func resolve(_ end: borrowing EndTransaction.Request, _ state: BrokerLoop) throws(Refusal) -> Bool {
    let offset = PhysicalOffset(end.offset)
    let (lookup, logEnd) = parts.store.withLock { ($0.record(at: offset), $0.marks.appended) }
    switch lookup {
    case .missing: throw Self.notFound
    case .cold(let plan):
      let store = parts.store
      try parts.read(
        .log(offset), on: state,
        {
          store.warm(plan)
          return nil
        })
      return false
    case .found(let range):
      guard parts.store.isResident(range, logEnd: logEnd) else {
        let disk = parts.store.disk
        try parts.read(
          .log(offset), on: state,
          {
            disk.warm(range.mapping.segment, range.range)
            return nil
          })
        return false
      }
      guard range.isIntact, let half = HalfRecord(range.bytes()) else { throw Self.notFound }
      guard half.isOf(group: end.producerGroup) else {
        throw Refusal(.systemError, "The producer group wrong")
      }
      guard half.queueOffset == end.queueOffset else {
        throw Refusal(.systemError, "The transaction state table offset wrong")
      }
      guard half.isNamed(messageID: end.messageID, transactionID: end.transactionID) else {
        throw Refusal(.systemError, "another half message stands at queue offset \(end.queueOffset) now")
      }
      guard let isInQueue = try isInQueue(half, state) else { return false }
      guard isInQueue else { throw Self.notFound }
      if let topic = half.realTopic { try state.grant.requires(.publish, topic: topic) }
      return try resolve(half, isCommitted: end.resolution == EndTransaction.Resolution.commit.rawValue, state)
    }
  }

  /// Whether the queue of half messages has a record at the place that the record names; nil when the request must
  /// wait. A client knows where its next message will lie, and the body may hold what looks like a half message: it
  /// would end somebody else's, or one of the future.
  private func isInQueue(_ half: borrowing HalfRecord, _ state: BrokerLoop) throws(Refusal) -> Bool? {
    guard let queue = parts.messages.queue(0, ofDeleted: SystemTopics.halfMessages) else {
      try load(SystemTopics.halfMessages, 0, state)
      return nil
    }
    let (place, offset, store) = (QueueOffset(half.queueOffset), half.record.physicalOffset, parts.store)
    let (found, visible, end) = store.withLock { ($0.entry(in: queue, at: place), queue.maxOffset, queue.nextOffset) }
    switch found {
    case .entry(let entry): return entry.offset == offset
    case .cold(let plan):
      try parts.read(
        .log(offset), on: state,
        {
          store.warm(plan)
          return nil
        })
      return nil
    case .outside:
      guard place >= visible, place < end else { return false }
      // Stored in this moment, as one that is asked about anew: it is in the queue when its loop's turn ends.
      state.loop.enqueue { state.loop.resumeStalled() }
      return nil
    case .failed: throw Refusal(.systemError, "the queue of half messages cannot be read now")
    // The entry is lost, and clients cannot have that.
    case .unreadable: return true
    }
  }

  private func resolve(_ half: borrowing HalfRecord, isCommitted: Bool, _ state: BrokerLoop) throws(Refusal) -> Bool {
    let place = half.queueOffset
    guard isCommitted else {
      try claim(place)
      return try outcome(transactions.end(place, on: state))
    }
    guard let name = half.realTopic, let sentTo = half.realQueueID else {
      throw Refusal(.systemError, "the half message at queue offset \(place) does not say where it was sent to")
    }
    let topic = parts.topics.withLock { $0.find(name) }
    let queueID = topic?.queue(insteadOf: sentTo) ?? sentTo
    guard let queue = parts.messages.queue(queueID, of: topic, named: name, on: state) else {
      try load(name.text, queueID, state)
      return false
    }
    let draft = half.committed(topic: name, queueID: queueID)
    let bytes = draft.recordBytes
    try claim(place)
    let isDone = try outcome(transactions.end(place, storing: draft, in: queue, on: state))
    if isDone, let topic { state.traffic.put(topic: topic.id, messages: 1, bytes: Int64(bytes)) }
    return isDone
  }

  private func claim(_ half: Int64) throws(Refusal) {
    switch transactions.halves.withLock({ $0.claim(half) }) {
    case .granted: return
    case .busy: throw Refusal(.systemError, "the half message at queue offset \(half) is just being ended")
    case .ended: throw Refusal(.systemError, "the half message at queue offset \(half) has ended already")
    }
  }

  private func outcome(_ ending: Transactions.Ending) throws(Refusal) -> Bool {
    switch ending {
    case .ended: return true
    case .notYet: return false
    case .refused(let refusal): throw Refusals.store(refusal)
    }
  }

  private func load(_ topic: String, _ queue: Int32, _ state: BrokerLoop) throws(Refusal) {
    if let failure = failures.withLock({ $0.removeValue(forKey: topic) }) {
      throw Refusals.queue(failure)
    }
    try parts.readQueue(
      topic, queue, on: state, failed: { [failures] error in failures.withLock { $0[topic] = error } })
  }

  private static let notFound = Refusal(.systemError, "Find prepared transaction message failed")
}
