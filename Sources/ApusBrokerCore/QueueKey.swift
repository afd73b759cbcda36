/// Which queue of which topic, as two small numbers: the topic's ``Topic/id`` and the queue's id within it.
package struct QueueKey: Hashable, Sendable {
  /// The topic's number in ``Topics``.
  package var topic: Int32
  /// The queue's id.
  package var queue: Int32

  /// Pairs topic and queue.
  package init(topic: Int32, queue: Int32) {
    self.topic = topic
    self.queue = queue
  }
}
