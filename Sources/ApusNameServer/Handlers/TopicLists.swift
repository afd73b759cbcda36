import ApusProtocol
import ApusRouteCore
import ApusSystem

/// The requests that answer a TopicList.
extension NameServerRequests {
  /// 206 GET_ALL_TOPIC_LIST_FROM_NAMESERVER
  func allTopics() -> Reply { topicList(routes.withLock { $0.allTopics }) }

  /// 224 GET_TOPICS_BY_CLUSTER. Field: `cluster`; an unknown one has no topics.
  func topicsByCluster(_ request: borrowing Request) throws(Refusal) -> Reply {
    let cluster = try GetTopicsByCluster.Request(request).cluster
    return topicList(routes.withLock { $0.topics(inCluster: cluster) })
  }

  /// 304 GET_SYSTEM_TOPIC_LIST_FROM_NS: the topics named as clusters and groups, and a broker that knows the others.
  func systemTopics() -> Reply {
    let (topics, address) = routes.withLock { $0.systemTopics }
    return topicList(topics, brokerAddress: address)
  }

  /// 311 GET_UNIT_TOPIC_LIST, 312 GET_HAS_UNIT_SUB_TOPIC_LIST and 313 GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST
  func unitTopics(_ kind: RouteTable.UnitTopics) -> Reply { topicList(routes.withLock { $0.topics(kind) }) }

  private func topicList(_ topics: [String], brokerAddress: String? = nil) -> Reply {
    Reply(body: TopicList(topics, brokerAddress: brokerAddress).bytes())
  }
}
