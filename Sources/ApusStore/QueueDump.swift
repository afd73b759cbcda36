package import ApusBase
package import ApusStoreCore

/// Entries of a queue, for people who look into it.
package enum QueueDump: Sendable {
  /// The entries from the offset asked for on: at least one, and no more than one file of the queue holds.
  case entries([ConsumeQueueEntry])
  /// An I/O thread must read this first; then ask again.
  case cold(WarmPlan)
  /// There is no such entry, or it cannot be read.
  case missing
}

extension MessageStore {
  /// At most `count` entries of a queue from an offset on.
  package func dump(_ queue: ConsumeQueue, from offset: QueueOffset, count: Int) -> QueueDump {
    guard count > 0, offset >= queue.minOffset, offset < queue.maxOffset else { return .missing }
    let start = offset.rawValue
    let end = min(queue.maxOffset.rawValue, start + Int64(min(count, ScanBuffer.entries)))
    switch entries(of: queue, from: start, to: end) {
    case .tail(let last):
      return .entries((start..<last).map { queue.tail.entry(at: $0) })
    case .scratch(let count):
      let read = (0..<min(count, Int(end - start))).map { index in
        let bytes = unsafe RawSpan(_unsafeStart: scratch.base, byteCount: count * ConsumeQueueEntry.bytes)
        return ConsumeQueueEntry(bytes, at: index * ConsumeQueueEntry.bytes)
      }
      return .entries(read)
    case .cold(let plan): return .cold(plan)
    case .failed, .unreadable: return .missing
    }
  }

  /// Begins the removal of queue files whose messages are gone from the log; the log stays as it is. nil when the store
  /// is closed. To be finished as any removal.
  package func planQueueRemoval() -> RetentionRemoval? {
    guard !isClosed else { return nil }
    return RetentionRemoval(
      logFiles: [], logDirectory: settings.logDirectory, minimum: minOffset, queues: queueSurveys())
  }
}
