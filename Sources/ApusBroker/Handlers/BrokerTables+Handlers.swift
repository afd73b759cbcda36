package import ApusBase
import ApusProtocol
import ApusSystem

extension BrokerTables {
  /// The handlers of every code that ``BrokerService`` does not answer in place; code 14 is here too, for groups
  /// without an offset.
  package func handlers(
    messages: any StoredMessages, settingsFile: SettingsFile?, listener: any TopicListener, booted: WallTime,
    changes: ChangeLog
  ) -> HandlerTable {
    let broker = settings.withLock { $0.identity.broker }
    var table = HandlerTable()
    addClientCodes(to: &table, listener, changes)
    addQueueCodes(to: &table, messages, broker)
    addChanges(to: &table, messages, listener, changes)
    addInquiries(to: &table, messages)
    addRelays(to: &table, messages, broker)
    table.add(.getAllTopicConfig, .ioThread, GetAllTopicConfigHandler(topics: topics))
    table.add(.getAllSubscriptionGroupConfig, .ioThread, GetAllSubscriptionGroupConfigHandler(groups: groups))
    table.add(.getAllConsumerOffset, .ioThread, GetAllConsumerOffsetHandler(offsets: offsets))
    table.add(.getAllDelayOffset, .ioThread, GetAllDelayOffsetHandler(delays: delays))
    table.add(
      .updateBrokerConfig, .ioThread,
      UpdateBrokerConfigHandler(
        settings: settings, topics: topics, groups: groups, clients: clients, file: settingsFile, listener: listener,
        changes: changes))
    table.add(.getBrokerConfig, .ioThread, GetBrokerConfigHandler(settings: settings))
    table.add(
      .getBrokerRuntimeInfo, .ioThread,
      GetBrokerRuntimeInfoHandler(
        settings: settings, statistics: statistics, delays: delays, messages: messages, booted: booted))
    return table
  }

  private func addClientCodes(
    to table: inout HandlerTable, _ listener: any TopicListener, _ changes: ChangeLog
  ) {
    table.add(
      .heartbeat, .loop,
      HeartbeatHandler(
        clients: clients, grants: grants, groups: groups, topics: topics, filters: filters, listener: listener,
        changes: changes))
    table.add(.checkClientConfig, .ioThread, CheckClientConfigHandler(settings: settings))
    table.add(.unregisterClient, .loop, UnregisterClientHandler(clients: clients, groups: groups))
    table.add(.getConsumerListByGroup, .loop, GetConsumerListByGroupHandler(clients: clients))
    table.add(.getConsumerConnectionList, .loop, GetConsumerConnectionListHandler(clients: clients))
    table.add(.getProducerConnectionList, .loop, GetProducerConnectionListHandler(clients: clients))
    table.add(.lockBatchMessageQueue, .loop, LockBatchMessageQueueHandler(locks: locks))
    table.add(.unlockBatchMessageQueue, .loop, UnlockBatchMessageQueueHandler(locks: locks))
  }

  /// What changes the files of the configuration.
  private func addChanges(
    to table: inout HandlerTable, _ messages: any StoredMessages, _ listener: any TopicListener, _ changes: ChangeLog
  ) {
    table.add(
      .updateAndCreateTopic,
      changing: UpdateAndCreateTopicHandler(topics: topics, listener: listener, changes: changes))
    table.add(
      .deleteTopicInBroker,
      changing: DeleteTopicInBrokerHandler(
        topics: topics, offsets: offsets, filters: filters, messages: messages, listener: listener, changes: changes))
    table.add(
      .updateAndCreateSubscriptionGroup,
      changing: UpdateAndCreateSubscriptionGroupHandler(groups: groups, changes: changes))
    table.add(
      .deleteSubscriptionGroup,
      changing: DeleteSubscriptionGroupHandler(
        groups: groups, offsets: offsets, statistics: statistics, changes: changes))
    table.add(
      .cloneGroupOffset, changing: CloneGroupOffsetHandler(topics: topics, offsets: offsets, clients: clients))
  }

  /// What tools ask about topics and groups, and the cleaning that they ask for.
  private func addInquiries(to table: inout HandlerTable, _ messages: any StoredMessages) {
    let identity = settings.withLock { $0.identity }
    table.add(.queryTopicConsumeByWho, .ioThread, QueryTopicConsumeByWhoHandler(clients: clients, offsets: offsets))
    table.add(
      .queryConsumeTimeSpan, .ioThread,
      QueryConsumeTimeSpanHandler(topics: topics, offsets: offsets, messages: messages, broker: identity.broker))
    table.add(
      .getSystemTopicListFromBroker, .ioThread,
      GetSystemTopicListFromBrokerHandler(cluster: identity.cluster, broker: identity.broker))
    table.add(.queryCorrectionOffset, .ioThread, QueryCorrectionOffsetHandler(offsets: offsets, messages: messages))
    table.add(
      .viewBrokerStatsData, .ioThread,
      ViewBrokerStatsDataHandler(topics: topics, statistics: statistics, cluster: identity.cluster))
    table.add(.getBrokerConsumeStats, .ioThread, GetBrokerConsumeStatsHandler(tables: self, messages: messages))
    table.add(.getAllProducerInfo, .ioThread, GetAllProducerInfoHandler(clients: clients))
    table.add(
      .queryConsumeQueue, .ioThread,
      QueryConsumeQueueHandler(topics: topics, clients: clients, filters: filters, messages: messages))
    table.add(.cleanExpiredConsumeQueue, .ioThread, CleanExpiredConsumeQueueHandler(messages: messages))
    table.add(.cleanUnusedTopic, .ioThread, CleanUnusedTopicHandler(topics: topics, messages: messages))
    table.add(.deleteExpiredCommitLog, .ioThread, DeleteExpiredCommitLogHandler(removal))
  }

  /// What is passed on to clients.
  private func addRelays(to table: inout HandlerTable, _ messages: any StoredMessages, _ broker: String) {
    table.add(.getConsumerRunningInfo, relay: GetConsumerRunningInfoHandler(clients: clients))
    table.add(
      .consumeMessageDirectly,
      relay: ConsumeMessageDirectlyHandler(clients: clients, messages: messages, broker: broker))
    table.add(.invokeBrokerToGetConsumerStatus, relay: InvokeBrokerToGetConsumerStatusHandler(clients: clients))
    table.add(.invokeBrokerToResetOffset, relay: InvokeBrokerToResetOffsetHandler(tables: self, messages: messages))
  }

  private func addQueueCodes(to table: inout HandlerTable, _ messages: any StoredMessages, _ broker: String) {
    table.add(
      .queryConsumerOffset, .ioThread, QueryConsumerOffsetHandler(topics: topics, offsets: offsets, messages: messages))
    table.add(.getMaxOffset, .ioThread, GetMaxOffsetHandler(topics: topics, messages: messages))
    table.add(.getMinOffset, .ioThread, GetMinOffsetHandler(topics: topics, messages: messages))
    table.add(.searchOffsetByTimestamp, .ioThread, SearchOffsetByTimestampHandler(topics: topics, messages: messages))
    table.add(
      .getEarliestMessageStoreTime, .ioThread, GetEarliestMessageStoreTimeHandler(topics: topics, messages: messages))
    table.add(.viewMessageByID, .ioThread, ViewMessageByIDHandler(messages: messages))
    table.add(.queryMessage, .ioThread, QueryMessageHandler(topics: topics, settings: settings, messages: messages))
    table.add(
      .getTopicStatsInfo, .ioThread, GetTopicStatsInfoHandler(topics: topics, messages: messages, broker: broker))
    table.add(
      .getConsumeStats, .ioThread,
      GetConsumeStatsHandler(
        topics: topics, offsets: offsets, clients: clients, statistics: statistics, messages: messages, broker: broker))
  }
}
