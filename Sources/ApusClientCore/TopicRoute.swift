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

  /// Reads a route. An order configuration (`broker:count;…`) names the queues to write to, if there is one.
  package init(topic: String, _ data: TopicRouteData) {
    brokers = Dictionary(data.brokers.map { ($0.brokerName, $0.addresses) }) { _, last in last }
    let groups = data.queues.sorted { $0.brokerName < $1.brokerName }
    if let order = data.orderConfiguration, !order.isEmpty {
      isOrdered = true
      writeQueues = Self.orderedQueues(topic, order)
    } else {
      isOrdered = false
      let brokers = brokers
      let writable = groups.filter { $0.permission.contains(.write) && brokers[$0.brokerName]?[0] != nil }
      writeQueues = Self.queues(topic, writable.map { ($0.brokerName, $0.writeQueueCount) })
    }
    let readable = groups.filter { $0.permission.contains(.read) }
    readQueues = Self.queues(topic, readable.map { ($0.brokerName, $0.readQueueCount) })
  }

  /// `host:port` of a group's master; nil when it has none.
  package func master(of broker: String) -> String? { brokers[broker]?[0] }

  /// The most queues that a route may name, of all brokers; beyond that it is nonsense.
  private static let queueLimit = 65_536

  private static func queues(_ topic: String, _ counts: [(broker: String, count: Int32)]) -> [MessageQueue] {
    var queues: [MessageQueue] = []
    for (broker, count) in counts {
      for id in 0..<max(0, min(Int(count), queueLimit - queues.count)) {
        queues.append(MessageQueue(topic: topic, brokerName: broker, queueID: Int32(id)))
      }
    }
    return queues
  }

  private static func orderedQueues(_ topic: String, _ order: String) -> [MessageQueue] {
    let counts = order.split(separator: ";").compactMap { part -> (broker: String, count: Int32)? in
      let pair = part.split(separator: ":")
      guard pair.count == 2, let count = Int32(pair[1]) else { return nil }
      return (String(pair[0]), count)
    }
    return queues(topic, counts)
  }
}
