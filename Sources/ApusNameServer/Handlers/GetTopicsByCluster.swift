import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 224 GET_TOPICS_BY_CLUSTER. Field: `cluster`; an unknown one has no topics.
  func getTopicsByCluster(_ request: borrowing Request) throws(Refusal) -> Reply {
    let cluster = try GetTopicsByCluster.Request(request).cluster
    return Reply(topics: routes.withLock { $0.topics(inCluster: cluster) })
  }
}
