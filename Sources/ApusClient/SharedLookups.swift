import ApusBase
import ApusSystem

/// Looks things up, each once for all who ask for it at the same time. Whoever waits may give up; the others go on
/// waiting.
final class SharedLookups<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  typealias Answer = Result<Value, ClientError>

  private let waiting = Locked<[Key: [PendingAnswer<Answer>]]>([:])

  /// What `find` finds, which limits its own time. Waits until `deadline` at most, nil for as long as it takes.
  func value(
    _ key: Key, by deadline: MonotonicTime?, _ find: @escaping @Sendable () async -> Answer
  ) async throws(ClientError) -> Value {
    let pending = PendingAnswer<Answer>()
    let isFirst = waiting.withLock { waiting in
      defer { waiting[key, default: []].append(pending) }
      return waiting[key] == nil
    }
    if isFirst {
      // Not a child of the caller's: others may wait for it when the caller is cancelled.
      Task {
        let answer = await find()
        for one in waiting.withLock({ $0.removeValue(forKey: key) ?? [] }) { one.resolve(answer) }
      }
    }
    guard let deadline else { return try await pending.value(ifCancelled: .failure(.cancelled)).get() }
    let late = ClientError(.timedOut, "the time limit was over before \(key) was looked up")
    return try await pending.value(
      ifCancelled: .failure(.cancelled), within: deadline - SystemClock.monotonic(), ifLate: .failure(late)
    ).get()
  }
}
