package import ApusModel
package import ApusProtocol

extension AdminClient {
  /// 206: all topics that a broker has registered, from the first name server that knows any.
  package func topics() async throws(AdminError) -> TopicList {
    try await askNameServer(GetAllTopicListFromNameserver.Request(), for: TopicList.self) { !$0.topics.isEmpty }
  }

  /// 105: where a topic lies.
  package func route(of topic: String) async throws(AdminError) -> TopicRouteData {
    try await askNameServer(GetRouteInfoByTopic.Request(topic: topic), for: TopicRouteData.self)
  }

  /// 105: where a topic lies, as one name server knows it.
  package func route(of topic: String, atNameServer server: String) async throws(AdminError) -> TopicRouteData {
    try await ask(GetRouteInfoByTopic.Request(topic: topic), at: server, for: TopicRouteData.self)
  }

  /// 202: the offsets of a topic's queues at a broker.
  package func topicStats(of topic: String, at broker: String) async throws(AdminError) -> TopicStatsTable {
    try await ask(GetTopicStatsInfo.Request(topic: topic), at: broker, for: TopicStatsTable.self)
  }

  /// 21: the topics of a broker with their settings.
  package func allTopics(at broker: String) async throws(AdminError) -> TopicTable {
    try await ask(GetAllTopicConfig.Request(), at: broker, for: TopicTable.self)
  }

  /// 305: the topics of a broker that are the system's.
  package func systemTopics(at broker: String) async throws(AdminError) -> TopicList {
    try await ask(GetSystemTopicListFromBroker.Request(), at: broker, for: TopicList.self)
  }

  /// 17: makes a topic at a broker, or changes it.
  package func updateTopic(_ topic: TopicConfig, at broker: String) async throws(AdminError) {
    try await ask(
      UpdateAndCreateTopic.Request(
        topic: topic.name, defaultTopic: SystemTopics.autoCreate, readQueueCount: topic.readQueueCount,
        writeQueueCount: topic.writeQueueCount, permission: topic.permission.rawValue,
        filter: topic.filter.name, systemFlag: topic.systemFlag, isOrdered: topic.isOrdered), at: broker)
  }

  /// 215: removes a topic from a broker.
  package func deleteTopic(_ topic: String, at broker: String) async throws(AdminError) {
    try await ask(DeleteTopicInBroker.Request(topic: topic), at: broker)
  }

  /// 216: removes a topic's routes from a name server.
  package func deleteRoutes(
    of topic: String, cluster: String?, atNameServer server: String
  ) async throws(AdminError) {
    try await ask(DeleteTopicInNamesrv.Request(topic: topic, clusterName: cluster), at: server)
  }

  /// 300: the groups that consume a topic, as a broker knows them.
  package func groups(consuming topic: String, at broker: String) async throws(AdminError) -> [String] {
    try await ask(QueryTopicConsumeByWho.Request(topic: topic), at: broker, for: GroupList.self).groups
  }
}

extension AdminClient {
  /// The groups that consume a topic, as the first of its brokers that can be reached knows them.
  func groups(consuming topic: String, _ route: TopicRouteData) async throws(AdminError) -> [String] {
    let found = try await firstAnswer(of: route.brokers) { address throws(AdminError) in
      try await groups(consuming: topic, at: address)
    }
    return found ?? []
  }
}
