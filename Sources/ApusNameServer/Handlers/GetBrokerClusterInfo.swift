import ApusBase
import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 106 GET_BROKER_CLUSTER_INFO: every cluster, group and broker. Answers ClusterInfo.
  func getBrokerClusterInfo() -> Reply {
    Reply(body: routes.withLock { $0.clusterInfo }.bytes())
  }
}
