import ApusBase
import ApusBrokerCore
import ApusModel
package import ApusProtocol
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem

/// Code 323: a half message that was given up goes back to the half messages, and its producers are asked as often as
/// about a new one. One that is still open keeps its place.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/processor/AdminBrokerProcessor.java
/// (`resumeCheckHalfMessage`). Deviations: messages of other topics, and half messages that have ended, are refused;
/// Java stores whatever lies at the offset as a half message, so that a message delivered once is delivered again. A
/// request that is repeated brings nothing back a second time, unless the broker was started anew between the two.
package struct ResumeCheckHalfMessageHandler: RequestHandler {
  private let transactions: Transactions
  /// Where it is stored.
  private let state: BrokerLoop

  /// Takes its parts.
  init(transactions: Transactions, on state: BrokerLoop) {
    self.transactions = transactions
    self.state = state
  }

  /// Answers. Waits for the device.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let text = try request.text("msgId")
    guard let offset = Self.offset(text), let bytes = transactions.parts.store.record(at: offset),
      try isInQueue(bytes)
    else { throw Self.failure }
    let isDone = Locked(false)
    let (transactions, state) = (transactions, state)
    state.loop.executeAndWait {
      let done = Self.resume(bytes, transactions, state)
      isDone.withLock { $0 = done }
    }
    guard isDone.withLock({ $0 }) else { throw Self.failure }
    return Reply()
  }

  /// Whether a half message stands in its queue: the body of a message may hold what looks like one.
  private func isInQueue(_ bytes: [UInt8]) throws(Refusal) -> Bool {
    guard let half = HalfRecord(bytes.rawSpan) else { return true }
    do throws(DiskError) {
      return try transactions.read(half: half.queueOffset) == bytes
    } catch {
      throw Refusals.disk(error)
    }
  }

  private static func offset(_ text: String) -> PhysicalOffset? {
    do throws(DecodeError) {
      return try MessageID(text).offset
    } catch {
      return nil
    }
  }

  private static func resume(_ bytes: [UInt8], _ transactions: Transactions, _ state: BrokerLoop) -> Bool {
    if let half = HalfRecord(bytes.rawSpan) {
      let known = half.half
      if transactions.halves.withLock({ $0.restartChecks(of: known) }) { return true }
      return transactions.move(half, to: SystemTopics.halfMessages, checks: 0, on: state) != nil
    }
    guard let half = HalfRecord(givenUp: bytes.rawSpan) else { return false }
    return transactions.reopen(half, on: state)
  }

  private static let failure = Refusal(
    .systemError, "Exception was thrown when putting message back to RMQ_SYS_TRANS_HALF_TOPIC.")
}
