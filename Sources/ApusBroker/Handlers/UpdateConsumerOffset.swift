import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 15: a consumer group tells where it is in a queue. Answered in place: it touches memory only.
///
/// Deviation from Java, which remembers whatever it is told: topic and group must exist, where groups are not made by
/// use, and so must the queue, unless the group was in it when the topic had more; the offset must be possible; the
/// group by which half messages are found is the broker's.
package struct UpdateConsumerOffsetHandler: Sendable {
  private let topics: Locked<Topics>
  private let groups: Locked<SubscriptionGroups>
  private let offsets: Locked<ConsumerOffsets>
  private let changes: ChangeLog

  /// Takes its parts.
  package init(
    topics: Locked<Topics>, groups: Locked<SubscriptionGroups>, offsets: Locked<ConsumerOffsets>, changes: ChangeLog
  ) {
    self.changes = changes
    self.topics = topics
    self.groups = groups
    self.offsets = offsets
  }

  /// Commits; returning means success, which has neither fields nor body.
  package func handle(_ request: borrowing Request) throws(Refusal) {
    let topic = try request.required("topic")
    let group = try request.required("consumerGroup")
    let queue = try request.int32("queueId")
    let offset = try request.int64("commitOffset")
    try commit(topic: topic, group: group, queue: queue, offset: offset)
  }

  /// Whether the broker keeps a group's offsets itself: a client that moved them would have it forget half messages.
  static func isBrokersOwn(_ group: RawSpan) -> Bool { group.equals("CID_RMQ_SYS_TRANS") }

  /// Commits what a request, or a pull that carries a commit, says.
  package func commit(topic: RawSpan, group: RawSpan, queue: Int32, offset: Int64) throws(Refusal) {
    guard !Self.isBrokersOwn(group) else {
      throw Refusals.ownOffsets(group.text)
    }
    guard let found = topics.withLock({ $0.findOrMakeLight(topic) }) else { throw Refusals.noTopic(topic.text) }
    if queue >= found.queueCount {
      // Each queue takes memory and space in the file: else a client could have 65,536 of every topic.
      let known = offsets.withLock { $0.offset(topic: topic, group: group, queue: queue) }
      guard known != nil else { throw Self.impossible(queue, offset, topic) }
    }
    if groups.withLock({ $0.find(group) }) == nil {
      let name = group.text
      guard groups.findOrMake(name, changes) != nil else {
        throw Refusal(.subscriptionGroupNotExist, "subscription group not exist, \(name)")
      }
    }
    switch offsets.withLock({ $0.commit(topic: topic, group: group, queue: queue, offset: offset) }) {
    case .committed: return
    case .outOfRange: throw Self.impossible(queue, offset, topic)
    case .full:
      throw Refusals.tooManyOffsets
    }
  }

  private static func impossible(_ queue: Int32, _ offset: Int64, _ topic: RawSpan) -> Refusal {
    Refusal(.systemError, "queue \(queue) or offset \(offset) cannot be of topic \(topic.text)")
  }
}
