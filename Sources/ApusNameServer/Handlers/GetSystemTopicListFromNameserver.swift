import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 304 GET_SYSTEM_TOPIC_LIST_FROM_NS: the topics named as clusters and groups, and a broker that knows the others.
  func getSystemTopicListFromNameserver() -> Reply {
    let (topics, address) = routes.withLock { $0.systemTopics }
    return Reply(topics: topics, brokerAddress: address)
  }
}
