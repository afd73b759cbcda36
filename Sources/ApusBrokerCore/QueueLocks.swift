package import ApusBase
package import ApusModel

/// Which client of a consumer group may consume which queue in order.
///
/// A lock is a lease: it lasts ``lease`` from when its holder last asked for it (clients ask again every 20 s), so that
/// the queues of a client that vanished go to others without anybody having to notice. Only the holder can give a lock
/// back. A lock of the past is nobody's, whether it has been removed or not.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/client/rebalance/RebalanceLockManager.java.
/// Deviation: Java keeps every lock that was ever taken; here expired locks are removed, and at most ``limit`` exist at
/// a time: a queue that would be one more is not locked, which its client tries again.
package struct QueueLocks: Sendable {
  /// How long a lock lasts without being renewed: `rocketmq.broker.rebalance.lockMaxLiveTime`.
  package static var lease: Duration { .seconds(60) }

  private struct Lock: Sendable {
    var client: String
    var renewed: MonotonicTime

    func isExpired(_ now: MonotonicTime) -> Bool { now - renewed > QueueLocks.lease }
  }

  /// How many locks there may be.
  package let limit: Int
  /// How many locks are remembered, expired ones that nobody asked for since included.
  package private(set) var count = 0
  private var groups: [String: [MessageQueue: Lock]] = [:]
  /// Before this moment looking for expired locks again finds nothing worth the time.
  private var nextSweep: MonotonicTime?

  /// Starts without locks.
  package init(limit: Int = 262_144) { self.limit = limit }

  /// How many groups have locks.
  package var groupCount: Int { groups.count }

  /// A client wants queues, or wants to keep them; returns those that are its own now, in the order asked for.
  package mutating func lock(
    _ queues: [MessageQueue], group: String, client: String, now: MonotonicTime
  ) -> [MessageQueue] {
    guard !queues.isEmpty else { return [] }
    if count + queues.count > limit { sweepIfUseful(now) }
    // Taken out while it changes, so that it is not copied: a group may have all locks that there are.
    var table = groups.removeValue(forKey: group) ?? [:]
    let before = table.count
    var locked: [MessageQueue] = []
    for queue in queues {
      if let lock = table[queue] {
        guard lock.client == client || lock.isExpired(now) else { continue }
      } else {
        guard count + (table.count - before) < limit else { continue }
      }
      table[queue] = Lock(client: client, renewed: now)
      locked.append(queue)
    }
    count += table.count - before
    if !table.isEmpty { groups[group] = table }
    return locked
  }

  /// A client gives queues back. Those that are not its own stay as they are.
  package mutating func unlock(_ queues: [MessageQueue], group: String, client: String) {
    guard var table = groups.removeValue(forKey: group) else { return }
    for queue in queues where table[queue]?.client == client {
      table[queue] = nil
      count -= 1
    }
    if !table.isEmpty { groups[group] = table }
  }

  /// Who holds a queue; nil for nobody.
  package func holder(of queue: MessageQueue, group: String, now: MonotonicTime) -> String? {
    guard let lock = groups[group]?[queue], !lock.isExpired(now) else { return nil }
    return lock.client
  }

  /// Removes the locks whose time is over, and groups without locks. To be called now and then; looks at every lock.
  package mutating func removeExpired(now: MonotonicTime) {
    for (group, table) in groups {
      let kept = table.filter { !$0.value.isExpired(now) }
      guard kept.count < table.count else { continue }
      count -= table.count - kept.count
      groups[group] = kept.isEmpty ? nil : kept
    }
  }

  /// Makes room in a full table, at most once a second: a client that asks again and again must not make each request
  /// as long as the table.
  private mutating func sweepIfUseful(_ now: MonotonicTime) {
    if let nextSweep, now < nextSweep { return }
    nextSweep = now + .seconds(1)
    removeExpired(now: now)
  }
}
