import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 215: deletes a topic with its queues and the offsets that groups have in it. The name servers' routes stay
/// until code 216 reaches them.
///
/// Deviation from Java 4.9.8, as Java 5 does: the offsets go too, so that a topic made again under the same name is
/// read from its beginning.
package struct DeleteTopicInBrokerHandler: ChangingHandler {
  private let topics: Locked<Topics>
  private let offsets: Locked<ConsumerOffsets>
  private let filters: Locked<ConsumerFilters>
  private let messages: any StoredMessages
  private let listener: any TopicListener
  private let changes: ChangeLog

  /// Takes its parts.
  package init(
    topics: Locked<Topics>, offsets: Locked<ConsumerOffsets>, filters: Locked<ConsumerFilters>,
    messages: any StoredMessages, listener: any TopicListener, changes: ChangeLog
  ) {
    self.topics = topics
    self.offsets = offsets
    self.filters = filters
    self.messages = messages
    self.listener = listener
    self.changes = changes
  }

  /// Makes the change; a topic that does not exist is no error.
  package func change(_ request: Command, from requester: Requester) throws(Refusal) -> ConfigChange {
    let name = try request.text("topic")
    try TopicChecks.changeable(name, topics)
    if let deleted = topics.withLock({ $0.delete(name, now: SystemClock.wall()) }) {
      changes.topicDeleted(deleted, by: requester)
      listener.topicDeleted(deleted)
    }
    offsets.withLock { $0.remove(topic: name) }
    filters.withLock { $0.remove(topic: name) }
    do throws(DiskError) {
      // Before the topic's file, as it decides that the messages are gone: a start between the two leaves an empty
      // topic, not one that is made again with messages and without its settings.
      try messages.removeQueues(of: name)
    } catch {
      throw Refusals.disk(error)
    }
    return ConfigChange(in: [.topics, .offsets])
  }
}
