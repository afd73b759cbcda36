package import ApusBase
package import ApusProtocol

extension AdminClient {
  /// 25: changes a setting of a broker. What the broker says of it, as that it counts from the next start on; nil when
  /// it says nothing.
  @discardableResult
  package func updateBroker(_ broker: String, key: String, value: String) async throws(AdminError) -> String? {
    try await ask(UpdateBrokerConfig.Request(properties: Self.properties(key, value)), at: broker).remark
  }

  /// 26: the settings of a broker.
  package func settings(ofBroker broker: String) async throws(AdminError) -> PropertiesFile {
    try Self.properties(try await ask(GetBrokerConfig.Request(), at: broker), from: broker)
  }

  /// 306: removes consume queues whose messages are gone.
  package func cleanExpiredConsumeQueues(at broker: String) async throws(AdminError) {
    try await ask(CleanExpiredConsumeQueue.Request(), at: broker)
  }

  /// 316: removes the queue files of topics that were deleted.
  package func cleanUnusedTopics(at broker: String) async throws(AdminError) {
    try await ask(CleanUnusedTopic.Request(), at: broker)
  }

  /// 329: removes log files that are past their time.
  package func deleteExpiredLog(at broker: String) async throws(AdminError) {
    try await ask(DeleteExpiredCommitLog.Request(), at: broker)
  }

  /// 315: one of a broker's statistics; nil when it keeps none under this key.
  package func statistics(
    _ name: String, of key: String, at broker: String
  ) async throws(AdminError) -> BrokerStatsData? {
    do throws(AdminError) {
      return try await ask(
        ViewBrokerStatsData.Request(statisticsName: name, statisticsKey: key), at: broker, for: BrokerStatsData.self)
    } catch {
      if error.code == .systemError { return nil }
      throw error
    }
  }
}
