import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 311 GET_UNIT_TOPIC_LIST: the topics of units.
  func getUnitTopicList() -> Reply { Reply(topics: routes.withLock { $0.topics(.unit) }) }
}
