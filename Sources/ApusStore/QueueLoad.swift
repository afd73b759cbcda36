package import ApusBase

/// Reads what the files of a queue say that was not used since the start. That waits for the device, often several
/// times, so that the store's lock is not held meanwhile: sends and pulls of other queues go on.
package struct QueueLoadPlan: Sendable {
  let queue: ConsumeQueue
  /// Where the log began when this was planned.
  let logStart: PhysicalOffset
  let hasExtensions: Bool

  /// What came of it.
  package struct Outcome: Sendable {
    var events: [StoreEvent] = []
    /// Why it did not succeed; nil when it did.
    package internal(set) var error: DiskError?
  }

  /// How often it is tried at most.
  private static let attemptLimit = 16

  /// Does it. Blocks. Where files that were listed a moment ago are gone, as retention removes the old ones and the
  /// deletion of a topic all of them, what is there now is read.
  package func run(on disk: any Disk) -> Outcome {
    var outcome = attempt(on: disk)
    for _ in 1..<Self.attemptLimit where outcome.error?.code == .notFound { outcome = attempt(on: disk) }
    return outcome
  }

  private func attempt(on disk: any Disk) -> Outcome {
    var events: [StoreEvent] = []
    var failure: DiskError?
    do throws(DiskError) {
      try queue.load(on: disk, logStart: logStart, hasExtensions: hasExtensions) { events.append($0) }
    } catch {
      failure = error
    }
    return Outcome(events: events, error: failure)
  }
}

extension MessageStore {
  /// A load of a queue that has files and was not used since the start; nil for every other.
  package func planLoad(topic: String, id: Int32) -> QueueLoadPlan? {
    guard case .known = queues.slot(topic, id) else { return nil }
    return QueueLoadPlan(queue: makeQueue(topic, id), logStart: log.minOffset, hasExtensions: hasExtensions)
  }

  /// Takes in a queue that was loaded, or throws why it could not be. It counts for nothing when somebody else was
  /// faster, when its topic was removed meanwhile, and when the log begins elsewhere now, which asks for another plan.
  package func finish(_ plan: QueueLoadPlan, _ outcome: QueueLoadPlan.Outcome) throws(DiskError) {
    guard case .known = queues.slot(plan.queue.topic, plan.queue.id), plan.logStart == log.minOffset else { return }
    for event in outcome.events { report(event) }
    if let error = outcome.error { throw error }
    queues.insert(plan.queue)
  }
}
