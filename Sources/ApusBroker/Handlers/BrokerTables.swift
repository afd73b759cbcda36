package import ApusBase
package import ApusBrokerCore
import ApusFilter
import ApusModel
import ApusProtocol
package import ApusSystem

/// What requests are answered from: each table behind a lock of its own, of which never two are held at once.
package struct BrokerTables: Sendable {
  /// The settings.
  package let settings: Locked<BrokerSettings>
  /// The topics.
  package let topics: Locked<Topics>
  /// The consumer groups.
  package let groups: Locked<SubscriptionGroups>
  /// Where the groups are.
  package let offsets: Locked<ConsumerOffsets>
  /// How far delayed messages were delivered.
  package let delays: Locked<DelayOffsets>
  /// Who is connected.
  package let clients: Locked<ClientTable>
  /// How expired log files are asked to be removed.
  package let removal = RemovalRequest()
  /// Which client consumes which queue in order.
  package let locks = Locked(QueueLocks())
  /// What groups want by SQL conditions.
  package let filters: Locked<ConsumerFilters>
  /// How much was stored and delivered.
  package let statistics: Locked<BrokerStats>

  /// Fills the tables with what an earlier run left behind. `seed` is random, so that no client can choose names that
  /// collide.
  package init(settings: BrokerSettings, stored: ConfigStore.Stored, now: WallTime, seed: UInt64) {
    var groups = SubscriptionGroups(
      autoCreates: settings.serving.createsGroups, stored: stored.groups, now: now, seed: seed)
    groups.limit = settings.process.groups
    groups.hasLightGroups = settings.topicRules.hasLightTopics
    self.settings = Locked(settings)
    self.topics = Locked(Topics(rules: settings.topicRules, stored: stored.topics, now: now, seed: seed))
    self.groups = Locked(groups)
    self.offsets = Locked(ConsumerOffsets(stored: stored.offsets, seed: seed))
    self.delays = Locked(stored.delays ?? DelayOffsets())
    self.clients = Locked(ClientTable(notifies: settings.serving.notifiesMembers, seed: seed))
    self.filters = Locked(
      ConsumerFilters(
        bloom: settings.filtering.bloom, lifetime: settings.filtering.lifetime, stored: stored.filters, now: now))
    self.statistics = Locked(BrokerStats())
  }

  /// Makes known the light topics among those that have queues.
  func adoptLightTopics(_ names: [String]) {
    topics.withLock { topics in
      for name in names where LightQueues.isLight(name) { _ = topics.light(name) }
    }
  }

  /// Keeps the configuration files of the store below `root` up to date with the tables.
  package func configStore(root: String, disk: any Disk) -> ConfigStore {
    ConfigStore(
      root: root, disk: disk, topics: topics, groups: groups, offsets: offsets, filters: filters,
      light: topics.withLock { $0.rules.hasLightTopics })
  }

  /// The handlers of every code that is not answered in place (10, 310, 320, 11, 15, and 14 while an offset is
  /// committed).
  package func handlers(
    messages: any StoredMessages, config: ConfigStore, settingsFile: SettingsFile?, listener: any TopicListener,
    booted: WallTime
  ) -> HandlerTable {
    let broker = settings.withLock { $0.identity.broker }
    var table = HandlerTable()
    addClientCodes(to: &table, listener)
    addQueueCodes(to: &table, messages, broker)
    addInquiries(to: &table, messages, config)
    addRelays(to: &table, messages, broker)
    table.add(
      .updateAndCreateTopic, .ioThread, UpdateAndCreateTopic(topics: topics, config: config, listener: listener))
    table.add(
      .deleteTopicInBroker, .ioThread,
      DeleteTopicInBroker(
        topics: topics, offsets: offsets, filters: filters, messages: messages, config: config, listener: listener))
    table.add(.getAllTopicConfig, .ioThread, GetAllTopicConfig(topics: topics))
    table.add(
      .updateAndCreateSubscriptionGroup, .ioThread, UpdateAndCreateSubscriptionGroup(groups: groups, config: config))
    table.add(
      .deleteSubscriptionGroup, .ioThread,
      DeleteSubscriptionGroup(groups: groups, offsets: offsets, statistics: statistics, config: config))
    table.add(.getAllSubscriptionGroupConfig, .ioThread, GetAllSubscriptionGroupConfig(groups: groups))
    table.add(.getAllConsumerOffset, .ioThread, GetAllConsumerOffset(offsets: offsets))
    table.add(.getAllDelayOffset, .ioThread, GetAllDelayOffset(delays: delays))
    table.add(
      .updateBrokerConfig, .ioThread,
      UpdateBrokerConfig(
        settings: settings, topics: topics, groups: groups, clients: clients, file: settingsFile, listener: listener))
    table.add(.getBrokerConfig, .ioThread, GetBrokerConfig(settings: settings))
    table.add(
      .getBrokerRuntimeInfo, .ioThread,
      GetBrokerRuntimeInfo(
        settings: settings, statistics: statistics, delays: delays, messages: messages, booted: booted))
    return table
  }

  private func addClientCodes(to table: inout HandlerTable, _ listener: any TopicListener) {
    table.add(
      .heartbeat, .loop,
      Heartbeat(clients: clients, groups: groups, topics: topics, filters: filters, listener: listener))
    table.add(.checkClientConfig, .ioThread, CheckClientConfigHandler(settings: settings))
    table.add(.unregisterClient, .loop, UnregisterClient(clients: clients, groups: groups))
    table.add(.getConsumerListByGroup, .loop, GetConsumerListByGroup(clients: clients))
    table.add(.getConsumerConnectionList, .loop, GetConsumerConnectionList(clients: clients))
    table.add(.getProducerConnectionList, .loop, GetProducerConnectionList(clients: clients))
    table.add(.lockBatchMessageQueue, .loop, LockBatchMessageQueue(locks: locks))
    table.add(.unlockBatchMessageQueue, .loop, UnlockBatchMessageQueue(locks: locks))
  }

  /// What tools ask about topics and groups, and the cleaning that they ask for.
  private func addInquiries(to table: inout HandlerTable, _ messages: any StoredMessages, _ config: ConfigStore) {
    let identity = settings.withLock { $0.identity }
    table.add(.queryTopicConsumeByWho, .ioThread, QueryTopicConsumeByWho(clients: clients, offsets: offsets))
    table.add(
      .queryConsumeTimeSpan, .ioThread,
      QueryConsumeTimeSpan(topics: topics, offsets: offsets, messages: messages, broker: identity.broker))
    table.add(
      .getSystemTopicListFromBroker, .ioThread,
      GetSystemTopicListFromBroker(cluster: identity.cluster, broker: identity.broker))
    table.add(.queryCorrectionOffset, .ioThread, QueryCorrectionOffset(offsets: offsets, messages: messages))
    table.add(
      .cloneGroupOffset, .ioThread,
      CloneGroupOffset(topics: topics, offsets: offsets, clients: clients, config: config))
    table.add(
      .viewBrokerStatsData, .ioThread,
      ViewBrokerStatsData(topics: topics, statistics: statistics, cluster: identity.cluster))
    table.add(.getBrokerConsumeStats, .ioThread, GetBrokerConsumeStats(tables: self, messages: messages))
    table.add(.getAllProducerInfo, .ioThread, GetAllProducerInfo(clients: clients))
    table.add(
      .queryConsumeQueue, .ioThread,
      QueryConsumeQueue(topics: topics, clients: clients, filters: filters, messages: messages))
    table.add(.cleanExpiredConsumeQueue, .ioThread, CleanExpiredConsumeQueue(messages: messages))
    table.add(.cleanUnusedTopic, .ioThread, CleanUnusedTopic(topics: topics, messages: messages))
    table.add(.deleteExpiredCommitLog, .ioThread, DeleteExpiredCommitLog(removal))
  }

  /// What is passed on to clients.
  private func addRelays(to table: inout HandlerTable, _ messages: any StoredMessages, _ broker: String) {
    table.add(.getConsumerRunningInfo, relay: GetConsumerRunningInfo(clients: clients))
    table.add(
      .consumeMessageDirectly, relay: ConsumeMessageDirectly(clients: clients, messages: messages, broker: broker))
    table.add(.invokeBrokerToGetConsumerStatus, relay: InvokeBrokerToGetConsumerStatus(clients: clients))
    table.add(.invokeBrokerToResetOffset, relay: InvokeBrokerToResetOffset(tables: self, messages: messages))
  }

  private func addQueueCodes(to table: inout HandlerTable, _ messages: any StoredMessages, _ broker: String) {
    table.add(
      .queryConsumerOffset, .ioThread, QueryConsumerOffset(topics: topics, offsets: offsets, messages: messages))
    table.add(.getMaxOffset, .ioThread, GetMaxOffset(topics: topics, messages: messages))
    table.add(.getMinOffset, .ioThread, GetMinOffset(topics: topics, messages: messages))
    table.add(.searchOffsetByTimestamp, .ioThread, SearchOffsetByTimestamp(topics: topics, messages: messages))
    table.add(
      .getEarliestMessageStoreTime, .ioThread, GetEarliestMessageStoreTime(topics: topics, messages: messages))
    table.add(.viewMessageByID, .ioThread, ViewMessageByID(messages: messages))
    table.add(.queryMessage, .ioThread, QueryMessage(topics: topics, settings: settings, messages: messages))
    table.add(
      .getTopicStatsInfo, .ioThread, GetTopicStatsInfo(topics: topics, messages: messages, broker: broker))
    table.add(
      .getConsumeStats, .ioThread,
      GetConsumeStats(
        topics: topics, offsets: offsets, clients: clients, statistics: statistics, messages: messages, broker: broker))
  }
}
