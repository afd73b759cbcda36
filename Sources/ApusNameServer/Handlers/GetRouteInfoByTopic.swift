import ApusBase
import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// From this version on (V4_9_4) clients read standard JSON.
  private static let standardJSONVersion: Int32 = 401

  /// 105 GET_ROUTEINFO_BY_TOPIC: where a topic's queues are. A topic is never created here.
  ///
  /// Fields: `topic`, `acceptStandardJsonOnly`. Answers TopicRouteData, or 17.
  func getRouteInfoByTopic(_ request: borrowing Request) -> Reply {
    let isStandard = request.header.version >= Self.standardJSONVersion || request.bool("acceptStandardJsonOnly")
    let form: RouteForm = isStandard ? .standard : .fastjson
    let topic = request.field("topic")
    if let topic, let body = routes.withLock({ $0.route(of: topic, form: form) }) { return Reply(body: body) }
    return Reply(
      .topicNotExist,
      remark: "No topic route info in name server for the topic: \(topic?.text ?? "null")\n"
        + "See http://rocketmq.apache.org/docs/faq/ for further details.")
  }
}
