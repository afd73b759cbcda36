import Synchronization

/// An answer that one task waits for and that may be given up: whoever comes first decides.
final class PendingAnswer<Answer: Sendable>: Sendable {
  private enum State {
    case new
    case waiting(CheckedContinuation<Answer, Never>)
    case early(Answer)
    case done
  }

  // There is one for each message: this lock costs no memory of its own, and never more than two threads want it.
  private let state = Mutex<State>(.new)

  /// Gives the answer; a later one is ignored.
  func resolve(_ answer: Answer) {
    let waiter = state.withLock { state -> CheckedContinuation<Answer, Never>? in
      switch state {
      case .new:
        state = .early(answer)
        return nil
      case .waiting(let continuation):
        state = .done
        return continuation
      case .early, .done: return nil
      }
    }
    waiter?.resume(returning: answer)
  }

  /// Waits for the answer; `cancelled` is the answer when the task is cancelled first, after which `onCancel` is
  /// called. To be called once.
  func value(ifCancelled cancelled: Answer, onCancel: @Sendable () -> Void = {}) async -> Answer {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let early = state.withLock { state -> Answer? in
          guard case .early(let answer) = state else {
            state = .waiting(continuation)
            return nil
          }
          state = .done
          return answer
        }
        if let early { continuation.resume(returning: early) }
      }
    } onCancel: {
      resolve(cancelled)
      onCancel()
    }
  }
}

extension PendingAnswer {
  /// Waits for the answer; `late` is the answer when the time is over first. To be called once.
  func value(ifCancelled cancelled: Answer, within limit: Duration, ifLate late: Answer) async -> Answer {
    let timer = Task {
      try await Task.sleep(for: limit)
      resolve(late)
    }
    defer { timer.cancel() }
    return await value(ifCancelled: cancelled)
  }
}

extension PendingAnswer<Void> {
  /// Waits until it is resolved, the time is over or the task is cancelled. To be called once.
  func wait(atMost limit: Duration) async { await value(ifCancelled: (), within: limit, ifLate: ()) }
}
