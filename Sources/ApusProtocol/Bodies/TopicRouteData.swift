public import ApusBase

/// Where a topic's queues are: what clients ask a name server for.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/route/TopicRouteData.java
public struct TopicRouteData: JSONBody {
  /// The order configuration, `broker:count;…`; nil for none.
  public var orderConfiguration: String?
  /// The queues, one entry for each broker group.
  public var queues: [QueueData]
  /// The broker groups.
  public var brokers: [BrokerData]
  /// The relic filter servers by broker address.
  public var filterServers: [String: [String]]

  /// Describes a route.
  public init(
    orderConfiguration: String? = nil, queues: [QueueData], brokers: [BrokerData],
    filterServers: [String: [String]] = [:]
  ) {
    self.orderConfiguration = orderConfiguration
    self.queues = queues
    self.brokers = brokers
    self.filterServers = filterServers
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    var filterServers: [String: [String]] = [:]
    for member in try json.table("filterServerTable") {
      filterServers[member.key.text ?? ""] = member.value.texts ?? []
    }
    self.init(
      orderConfiguration: json["orderTopicConf"]?.text,
      queues: try json.list("queueDatas") { element throws(DecodeError) in try QueueData(json: element) },
      brokers: try json.list("brokerDatas") { element throws(DecodeError) in try BrokerData(json: element) },
      filterServers: filterServers)
  }

  /// The JSON form.
  public var json: JSONValue {
    let filters = filterServers.sorted { $0.key < $1.key }.map { JSONMember($0.key, JSONValue($0.value)) }
    return JSONValue(members: [
      "brokerDatas": .array(brokers.map(\.json)), "filterServerTable": .object(filters),
      "orderTopicConf": JSONValue(orderConfiguration), "queueDatas": .array(queues.map(\.json)),
    ])
  }
}
