import ApusBase
import ApusModel
import ApusProtocol
import Testing

@testable import ApusClientCore

@Suite struct TopicRouteTests {
  private let data = TopicRouteData(
    queues: [
      QueueData(brokerName: "b", readQueueCount: 2, writeQueueCount: 1, permission: [.read, .write]),
      QueueData(brokerName: "a", readQueueCount: 1, writeQueueCount: 2, permission: [.read, .write]),
      QueueData(brokerName: "c", readQueueCount: 1, writeQueueCount: 1, permission: [.write]),
      QueueData(brokerName: "d", readQueueCount: 1, writeQueueCount: 1, permission: [.read, .write]),
    ],
    brokers: [
      BrokerData(cluster: "x", brokerName: "a", addresses: [0: "h:1", 1: "h:2"]),
      BrokerData(cluster: "x", brokerName: "b", addresses: [0: "h:3"]),
      BrokerData(cluster: "x", brokerName: "c", addresses: [0: "h:4"]),
      BrokerData(cluster: "x", brokerName: "d", addresses: [1: "h:5"]),
    ])

  private func names(_ queues: [MessageQueue]) -> [String] { queues.map { "\($0.brokerName)\($0.queueID)" } }

  @Test func `writes go to groups with a master, reads to all that may be read`() throws {
    let route = try TopicRoute(topic: "T", data)
    #expect(names(route.writeQueues) == ["a0", "a1", "b0", "c0"])
    #expect(names(route.readQueues) == ["a0", "b0", "b1", "d0"])
    #expect(route.master(of: "a") == "h:1")
    #expect(route.master(of: "d") == nil)
    #expect(!route.isOrdered)
  }

  @Test func `an order configuration names the queues to write to`() throws {
    var ordered = data
    ordered.orderConfiguration = "b:2;z:1;nonsense;y:-4"
    let route = try TopicRoute(topic: "T", ordered)
    #expect(names(route.writeQueues) == ["b0", "b1", "z0"])
    #expect(route.isOrdered)
  }

  @Test func `a count that is nonsense does not fill the memory`() throws {
    let route = try TopicRoute(
      topic: "T",
      TopicRouteData(
        queues: [QueueData(brokerName: "a", readQueueCount: .max, writeQueueCount: -1, permission: [.read, .write])],
        brokers: [BrokerData(cluster: "x", brokerName: "a", addresses: [0: "h:1"])]))
    #expect(route.readQueues.count == 65_536)
    #expect(route.writeQueues.isEmpty)
  }

  @Test(
    arguments: [
      (65_536, 1, nil, "queueDatas.readQueueNums"), (1, 65_536, nil, "queueDatas.writeQueueNums"),
      (1, 1, "a:65536;a:65536;b:65536;b:65536;b:1", "orderTopicConf"),
    ] as [(Int32, Int32, String?, String)])
  func `a route that names far too many queues is refused`(
    reads: Int32, writes: Int32, order: String?, field: String
  ) throws {
    let entry = QueueData(
      brokerName: "a", readQueueCount: reads, writeQueueCount: writes, permission: [.read, .write])
    var hostile = data
    hostile.queues = Array(repeating: entry, count: 5)
    hostile.orderConfiguration = order
    #expect(throws: DecodeError(field: field, offset: 0, reason: "names more than 262144 queues")) {
      try TopicRoute(topic: "T", hostile)
    }
    hostile.queues.removeLast()
    hostile.orderConfiguration = order.map { String($0.dropLast(4)) }
    let route = try TopicRoute(topic: "T", hostile)
    #expect(max(route.readQueues.count, route.writeQueues.count) == 262_144)
  }
}
