/// What a push consumer does with its messages.
public enum Listener: Sendable {
  /// Called for messages of any queue, ``ConsumerConfiguration/concurrency`` calls at once, each with at most
  /// ``ConsumerConfiguration/batchSize`` messages of one queue. An error that is thrown counts as `.retry()`.
  case concurrent(@Sendable ([ReceivedMessage]) async throws -> ConsumeOutcome)
  /// Called for one batch of a queue after the other, in their order; an error that is thrown counts as `.suspend()`.
  case orderly(@Sendable ([ReceivedMessage]) async throws -> OrderlyOutcome)
}

/// What came of messages that may be consumed in any order.
public enum ConsumeOutcome: Hashable, Sendable {
  /// They are consumed.
  case success
  /// They are to come again after the time of a delay level of the broker, 1…18; 0 lets the broker choose by the number
  /// of tries (levels 3 to 18, 10 s to 2 h). Broadcast messages do not come again.
  case retry(level: Int = 0)
  /// They are never to come again, but to be kept in the group's dead-letter topic.
  case deadLetter
  /// So many of them, from the first on, are consumed; the others are to come again, as by ``retry(level:)``.
  case partial(succeeded: Int, level: Int = 0)
}

/// What came of messages that are consumed in order.
public enum OrderlyOutcome: Hashable, Sendable {
  /// They are consumed.
  case success
  /// The same ones are to be tried again after a pause, held within 10 ms…30 s; nil for
  /// ``ConsumerConfiguration/suspendTime``. The queue waits.
  case suspend(for: Duration? = nil)
}
