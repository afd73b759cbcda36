import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 313 GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: the topics that have subscribers of units and are not of one
  /// themselves.
  func getHasUnitSubUnunitTopicList() -> Reply {
    Reply(topics: routes.withLock { $0.topics(.withUnitSubscribersOnly) })
  }
}
