import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 312 GET_HAS_UNIT_SUB_TOPIC_LIST: the topics with subscribers of units.
  func getHasUnitSubTopicList() -> Reply { Reply(topics: routes.withLock { $0.topics(.withUnitSubscribers) }) }
}
