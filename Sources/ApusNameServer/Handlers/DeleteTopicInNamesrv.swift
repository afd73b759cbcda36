import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 216 DELETE_TOPIC_IN_NAMESRV: forgets where a topic is, everywhere or in one cluster.
  ///
  /// Fields: `topic`, `clusterName` (optional).
  func deleteTopicInNamesrv(_ request: borrowing Request) throws(Refusal) -> Reply {
    let topic = try request.text("topic")
    let cluster = request.text(optional: "clusterName")
    routes.withLock { $0.deleteTopic(topic, inCluster: cluster?.isEmpty == true ? nil : cluster) }
    log.info("namesrv", "topic deleted", ["topic": topic, "cluster": cluster ?? "all"])
    return Reply()
  }
}
