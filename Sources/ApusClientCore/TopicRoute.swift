package import ApusBase
package import ApusModel
package import ApusProtocol

/// What a client makes of a topic's route: the queues to write to and to read from, and where their brokers are.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:client/src/main/java/org/apache/rocketmq/client/impl/factory/MQClientInstance.java
package struct TopicRoute: Hashable, Sendable {
  /// The queues that may be written to: of groups that have a master, in the order of their names.
  package let writeQueues: [MessageQueue]
  /// The queues that may be read, sorted.
  package let readQueues: [MessageQueue]
  /// `host:port` of each member of a broker group by its id; 0 is the master.
  package let brokers: [String: [Int64: String]]
  /// Whether the queues were named by an order configuration, which does not change when brokers go.
  package let isOrdered: Bool

  /// Reads a route. An order configuration (`broker:count;…`) names the queues to write to, if there is one. Throws
  /// when the route names more than 262,144 queues to write to or to read: a few bytes for each entry would take any
  /// amount of memory.
  package init(topic: String, _ data: TopicRouteData) throws(DecodeError) {
    brokers = Dictionary(data.brokers.map { ($0.brokerName, $0.addresses) }) { _, last in last }
    let groups = data.queues.sorted { $0.brokerName < $1.brokerName }
    let members = brokers
    var writes = groups.filter { $0.permission.contains(.write) && members[$0.brokerName]?[0] != nil }
      .map { QueueCount(broker: $0.brokerName, count: $0.writeQueueCount) }
    var field = "queueDatas.writeQueueNums"
    isOrdered = data.orderConfiguration?.isEmpty == false
    if isOrdered, let order = data.orderConfiguration {
      writes = Self.orderedCounts(order)
      field = "orderTopicConf"
    }
    writeQueues = try Self.queues(topic, writes, field: field)
    let reads = groups.filter { $0.permission.contains(.read) }
      .map { QueueCount(broker: $0.brokerName, count: $0.readQueueCount) }
    readQueues = try Self.queues(topic, reads, field: "queueDatas.readQueueNums")
  }

  /// `host:port` of a group's master; nil when it has none.
  package func master(of broker: String) -> String? { brokers[broker]?[0] }

  /// How many queues a route names of one broker group.
  private struct QueueCount {
    let broker: String
    let count: Int32

    init(broker: String, count: Int32) {
      self.broker = broker
      self.count = max(0, min(count, TopicRoute.groupLimit))
    }
  }

  /// The most queues of one broker group that a route may name; beyond that it is nonsense, and they are left out.
  private static let groupLimit: Int32 = 65_536
  /// The most queues of all groups together.
  private static let queueLimit = 262_144

  private static func queues(
    _ topic: String, _ counts: [QueueCount], field: String
  ) throws(DecodeError) -> [MessageQueue] {
    guard counts.reduce(0, { $0 + Int($1.count) }) <= queueLimit else {
      throw DecodeError(field: field, offset: 0, reason: "names more than \(queueLimit) queues")
    }
    return counts.flatMap { group in
      (0..<group.count).map { MessageQueue(topic: topic, brokerName: group.broker, queueID: $0) }
    }
  }

  private static func orderedCounts(_ order: String) -> [QueueCount] {
    order.split(separator: ";").compactMap { part in
      let pair = part.split(separator: ":")
      guard pair.count == 2, let count = Int32(pair[1]) else { return nil }
      return QueueCount(broker: String(pair[0]), count: count)
    }
  }
}
