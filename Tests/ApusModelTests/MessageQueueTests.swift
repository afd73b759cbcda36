import ApusModel
import Testing

@Suite struct MessageQueueTests {
  @Test func `a queue is named in short`() {
    #expect("\(MessageQueue(topic: "Orders", brokerName: "broker-a", queueID: 3))" == "Orders/broker-a/3")
  }
}
