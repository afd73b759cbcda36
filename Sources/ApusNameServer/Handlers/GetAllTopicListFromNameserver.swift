import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 206 GET_ALL_TOPIC_LIST_FROM_NAMESERVER: every topic that a broker has.
  func getAllTopicListFromNameserver() -> Reply { Reply(topics: routes.withLock { $0.allTopics }) }
}

extension Reply {
  /// A TopicList.
  init(topics: [String], brokerAddress: String? = nil) {
    self.init(body: TopicList(topics, brokerAddress: brokerAddress).bytes())
  }
}
