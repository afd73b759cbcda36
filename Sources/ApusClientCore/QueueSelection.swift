import ApusBase
package import ApusModel

/// Which of a topic's queues a message goes to when the application has a rule for it.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:client/src/main/java/org/apache/rocketmq/client/producer/selector.
/// Deviation: Java's rule for machine rooms is a stub that picks nothing.
package enum QueueSelection: Hashable, Sendable {
  /// SelectMessageQueueByHash: messages with one hash, as Java's `hashCode`, go to one queue.
  case hash(Int32)
  /// SelectMessageQueueByRandom: any queue.
  case random
  /// SelectMessageQueueByMachineRoom: any queue of brokers called `room@name` in one of these rooms.
  case machineRoom(Set<String>)

  /// Messages with one key go to one queue: the one that Java's `String.hashCode` gives.
  package static func hash(of key: String) -> QueueSelection { .hash(JavaHash.hash(key)) }

  /// Messages with one number go to one queue: the one that Java's `Long.hashCode` gives.
  package static func hash(of key: Int64) -> QueueSelection {
    .hash(Int32(truncatingIfNeeded: UInt64(bitPattern: key) ^ UInt64(bitPattern: key) >> 32))
  }

  /// The queue; nil when none fits.
  package func choose(
    from queues: [MessageQueue], using random: inout some RandomNumberGenerator
  ) -> MessageQueue? {
    guard !queues.isEmpty else { return nil }
    switch self {
    case .hash(let hash): return queues[abs(Int(hash) % queues.count)]
    case .random: return queues.randomElement(using: &random)
    case .machineRoom(let rooms):
      return queues.filter { queue in
        guard let at = queue.brokerName.firstIndex(of: "@") else { return false }
        return rooms.contains(String(queue.brokerName[..<at]))
      }.randomElement(using: &random)
    }
  }
}
