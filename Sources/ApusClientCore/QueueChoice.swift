package import ApusBase
package import ApusModel

/// Chooses a queue for each message of a topic: in turn, from a random start, away from brokers that just failed and,
/// when asked to, from brokers that are slow.
package struct QueueChoice: Sendable {
  private var next: Int

  /// Begins at a random queue.
  package init(using random: inout some RandomNumberGenerator) {
    next = Int.random(in: 0..<Int(Int32.max), using: &random)
  }

  /// A queue for a message; nil when there are none. `lastBroker` failed for this message: another one is taken if
  /// there is one. `faults` is nil when latency does not count.
  package mutating func choose(
    from queues: [MessageQueue], avoiding lastBroker: String?, _ faults: LatencyFault?, now: MonotonicTime
  ) -> MessageQueue? {
    guard !queues.isEmpty else { return nil }
    let start = next
    next = (next &+ 1) & Int.max
    guard lastBroker != nil || faults != nil else { return queues[start % queues.count] }
    var other: MessageQueue?
    for step in 0..<queues.count {
      let queue = queues[(start &+ step) & Int.max % queues.count]
      guard queue.brokerName != lastBroker else { continue }
      guard let faults else { return queue }
      if faults.isAvailable(queue.brokerName, now: now) { return queue }
      if other == nil { other = queue }
    }
    if let faults, other != nil,
      let broker = faults.leastBad(of: Set(queues.map(\.brokerName)).filter { $0 != lastBroker })
    {
      return queues.first { $0.brokerName == broker }
    }
    return other ?? queues[start % queues.count]
  }
}
