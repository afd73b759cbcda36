package import ApusBase
package import ApusProtocol

/// How often a send is tried, and with which broker next: every try goes to another broker where there is one, within
/// the time limit of the whole send.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:client/src/main/java/org/apache/rocketmq/client/impl/producer/DefaultMQProducerImpl.java
package struct SendAttempts: Sendable {
  /// What came of a try.
  package enum Outcome: Hashable, Sendable {
    /// There was no answer.
    case unanswered
    /// The broker refused with a code.
    case refused(ResponseCode)
    /// The message is stored, but not as safe as asked.
    case unsafe
  }

  /// Codes of refusals that another broker may answer differently.
  package static let retryable: Set<ResponseCode> = [
    .topicNotExist, .serviceNotAvailable, .systemError, .noPermission, ResponseCode(204), ResponseCode(205),
  ]

  /// When the send's time is over.
  package let deadline: MonotonicTime
  /// The broker of the last try that failed.
  package private(set) var lastBroker: String?
  private var left: Int
  private let retriesUnsafe: Bool

  /// A send that may be tried once and `retryCount` times more until `deadline`. `retriesUnsafe`: also when the
  /// message was stored but not as safe as asked.
  package init(retryCount: Int, retriesUnsafe: Bool, deadline: MonotonicTime) {
    left = retryCount < .max ? max(retryCount, 0) + 1 : .max
    self.retriesUnsafe = retriesUnsafe
    self.deadline = deadline
  }

  /// Whether there is to be another try, which then has begun.
  package mutating func next(now: MonotonicTime) -> Bool {
    guard left > 0, now < deadline else { return false }
    left -= 1
    return true
  }

  /// A try failed. Returns whether to try again, if time is left.
  package mutating func failed(_ outcome: Outcome, broker: String) -> Bool {
    lastBroker = broker
    switch outcome {
    case .unanswered: return left > 0
    case .refused(let code): return left > 0 && Self.retryable.contains(code)
    case .unsafe: return left > 0 && retriesUnsafe
    }
  }
}
