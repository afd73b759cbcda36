package import ApusAccess
import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 34: a client tells which groups it is in. Consumer groups are made when they are new, and their retry topics
/// with them; those with characters that no group may have are only remembered, as by Java, and may not pull.
///
/// The members of a group that changed are told by the loop at the end of its turn:
/// ``ApusBrokerCore/ClientTable/takeNotices()``.
package struct HeartbeatHandler: RequestHandler {
  private let clients: Locked<ClientTable>
  private let grants: Locked<[UInt64: AccessGrant]>
  private let groups: Locked<SubscriptionGroups>
  private let topics: Locked<Topics>
  private let filters: Locked<ConsumerFilters>
  private let listener: any TopicListener
  private let changes: ChangeLog

  /// Takes its parts.
  package init(
    clients: Locked<ClientTable>, grants: Locked<[UInt64: AccessGrant]>, groups: Locked<SubscriptionGroups>,
    topics: Locked<Topics>, filters: Locked<ConsumerFilters>, listener: any TopicListener, changes: ChangeLog
  ) {
    self.clients = clients
    self.grants = grants
    self.groups = groups
    self.topics = topics
    self.filters = filters
    self.listener = listener
    self.changes = changes
  }

  /// Answers. Groups after one that is refused are not registered.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let heartbeat: HeartbeatData
    do throws(DecodeError) {
      heartbeat = try HeartbeatData(bytes: request.body)
    } catch {
      throw Refusals.body(error)
    }
    for group in heartbeat.producerGroups + heartbeat.consumers.map(\.group) {
      try GroupName.checkMembership(of: group)
    }
    grants.withLock { $0[requester.connection] = requester.grant.accessKey == nil ? nil : requester.grant }
    let limits = clients.withLock { $0.limits }
    do throws(ClientTable.Excess) {
      try register(heartbeat, request.header, requester, limits)
    } catch {
      throw Refusals.excess(error, limits)
    }
    return Reply()
  }

  private func register(
    _ heartbeat: HeartbeatData, _ header: CommandHeader, _ requester: Requester, _ limits: ClientTable.Limits
  ) throws(ClientTable.Excess) {
    try clients.withLock { clients throws(ClientTable.Excess) in
      try clients.seen(
        requester.connection, id: heartbeat.clientID, language: header.language, version: header.version,
        address: requester.address, now: SystemClock.monotonic())
      for group in heartbeat.producerGroups { try clients.register(producer: group, on: requester.connection) }
    }
    for consumer in heartbeat.consumers {
      // Looked at before anything is made of them: this is a loop, which others wait for.
      guard consumer.subscriptions.count <= limits.subscriptionsPerGroup else {
        throw .subscriptions(group: consumer.group)
      }
      let notifies = prepare(consumer)
      let subscriptions = subscriptions(of: consumer)
      let profile = ConsumerProfile(
        consumeType: consumer.consumeType, messageModel: consumer.messageModel,
        consumeFromWhere: consumer.consumeFromWhere)
      do throws(ClientTable.Excess) {
        try clients.withLock { clients throws(ClientTable.Excess) in
          _ = try clients.register(
            consumer: consumer.group, profile: profile, subscriptions: subscriptions, notifies: notifies,
            on: requester.connection)
        }
      } catch {
        giveUpConditions(ofRefused: consumer.group)
        throw error
      }
    }
  }

  /// A group that nobody is in has nobody whose leaving would end its conditions.
  private func giveUpConditions(ofRefused group: String) {
    guard clients.withLock({ $0.consumers(of: group) }) == nil else { return }
    filters.withLock { $0.unregister(group: group, now: SystemClock.wall()) }
  }

  /// The subscriptions of a consumer, with the conditions that the broker keeps for its group.
  private func subscriptions(of consumer: ConsumerData) -> [GroupSubscription] {
    let now = SystemClock.wall()
    return filters.withLock { filters in
      filters.register(group: consumer.group, subscriptions: consumer.subscriptions, now: now)
      return consumer.subscriptions.map { data in
        GroupSubscription(
          data, filter: data.isTagExpression ? nil : filters.filter(topic: data.topic, group: consumer.group))
      }
    }
  }

  /// Makes a consumer's group and retry topic where they are missing; returns whether the group's members are told of
  /// changes.
  private func prepare(_ consumer: ConsumerData) -> Bool {
    let now = SystemClock.wall()
    let group = groups.findOrMake(consumer.group, changes)
    guard let config = group?.config else { return true }
    let name = SystemTopics.retryTopic(of: consumer.group)
    // A group's name may be longer than a topic's: such a group has no retry topic.
    guard name.utf8.count <= TopicName.maxLength else { return config.notifyConsumerIDsChangedEnabled }
    let (before, topic) = topics.withLock { topics -> (Topic?, Topic?) in
      let before = topics.find(name)
      let flag = consumer.unitMode ? TopicConfig.unitSubscribedFlag : 0
      do throws(Topics.Missing) {
        return (
          before, try topics.ensure(name, queueCount: config.retryQueueCount, systemFlag: flag, now: now)
        )
      } catch {
        // There are as many topics as there may be: the consumer works, without retries.
        return (before, before)
      }
    }
    if let topic, topic !== before {
      if before == nil { changes.topicMadeByUse(topic, by: "consumer group \(consumer.group)") }
      listener.topicChanged(topic)
    }
    return config.notifyConsumerIDsChangedEnabled
  }
}
