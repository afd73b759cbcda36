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

  @Test func `writes go to groups with a master, reads to all that may be read`() {
    let route = TopicRoute(topic: "T", data)
    #expect(names(route.writeQueues) == ["a0", "a1", "b0", "c0"])
    #expect(names(route.readQueues) == ["a0", "b0", "b1", "d0"])
    #expect(route.master(of: "a") == "h:1")
    #expect(route.master(of: "d") == nil)
    #expect(!route.isOrdered)
  }

  @Test func `an order configuration names the queues to write to`() {
    var ordered = data
    ordered.orderConfiguration = "b:2;z:1;nonsense;y:-4"
    let route = TopicRoute(topic: "T", ordered)
    #expect(names(route.writeQueues) == ["b0", "b1", "z0"])
    #expect(route.isOrdered)
  }

  @Test func `counts that are nonsense do not fill the memory, however many there are`() {
    let queues = ["a", "b", "c"].map {
      QueueData(brokerName: $0, readQueueCount: .max, writeQueueCount: -1, permission: [.read, .write])
    }
    var data = TopicRouteData(
      queues: queues, brokers: [BrokerData(cluster: "x", brokerName: "a", addresses: [0: "h:1"])])
    let route = TopicRoute(topic: "T", data)
    #expect(route.readQueues.count == 65_536)
    #expect(route.writeQueues.isEmpty)
    data.orderConfiguration = "a:2147483647;b:2147483647"
    #expect(TopicRoute(topic: "T", data).writeQueues.count == 65_536)
  }
}
