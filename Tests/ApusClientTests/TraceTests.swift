import ApusClientCore
import ApusModel
import ApusSystem
import Testing

@testable import ApusClient

@Suite(.timeLimit(.minutes(10))) struct TraceTests {
  /// The records of a trace topic, field by field, once there are `count`.
  private func records(_ count: Int, of topic: String, _ cluster: Cluster) async throws -> [[String]] {
    let client = try await cluster.client()
    let queues = try await cluster.route(topic, by: client).readQueues
    while true {
      var found: [[String]] = []
      for queue in queues {
        for message in try await cluster.records(in: queue, by: client) {
          found += message.text.split(separator: "\u{2}").map {
            $0.split(separator: "\u{1}", omittingEmptySubsequences: false).map(String.init)
          }
        }
      }
      if found.count >= count { return found }
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  @Test func `sends, calls of listeners and transactions are reported`() async throws {
    // What fails does not come again while this runs.
    let cluster = try Cluster(["fx-a"], [("traceTopicEnable", "true"), ("messageDelayLevel", "1h")])
    let client = try await cluster.client()
    var producing = ProducerConfiguration.patient
    producing.tracesMessages = true
    let producer = try client.transactionProducer(group: "pgt", producing) { _ in .unknown }
    let seen = Seen()
    var consuming = ConsumerConfiguration.fromStart
    consuming.tracesMessages = true
    let consumer = try client.pushConsumer(
      group: "cgt", subscriptions: [Subscription("Traced")], consuming,
      listener: .concurrent { messages in
        seen.add(messages)
        if messages[0].text == "fails" { throw CancellationError() }
        return .success
      })
    var receipts: [SendReceipt] = []
    try await running(client, [consumer]) {
      receipts.append(
        try await producer.producer.send(Message(topic: "Traced", text: "plain", tag: "a", keys: ["k1", "k2"])))
      receipts.append(try await producer.send(Message(topic: "Traced", text: "fails")) { _ in .commit }.receipt)
      _ = await seen.first(2)
      // A call that the end cuts short is not reported.
      try await until { consumer.allWork.allSatisfy { $0.count == 0 } }
    }
    // All are sent when the client has ended: two sends, one end of a transaction, two calls.
    let all = try await records(7, of: "RMQ_SYS_TRACE_TOPIC", cluster)
    #expect(all.count == 7)
    let plain = try #require(all.first { $0[0] == "Pub" && $0[5] == receipts[0].messageID })
    #expect(plain.count == 14)
    #expect(plain[2...4] == ["DefaultRegion", "pgt", "Traced"])
    #expect(plain[6...7] == ["a", "k1 k2"])
    #expect(plain[9] == "5" && plain[11] == "0" && plain[12] == receipts[0].offsetMessageID && plain[13] == "true")
    let half = try #require(all.first { $0[0] == "Pub" && $0[5] == receipts[1].messageID })
    #expect(half[6...7] == ["null", "null"])
    #expect(half[11] == "1")
    let end = try #require(all.first { $0[0] == "EndTransaction" })
    #expect(end[3...5] == ["pgt", "Traced", receipts[1].messageID])
    #expect(end[9...12] == ["2", receipts[1].messageID, "COMMIT_MESSAGE", "false"])
    for (receipt, success, code) in [(receipts[0], "true", "0"), (receipts[1], "false", "2")] {
      let before = try #require(all.first { $0[0] == "SubBefore" && $0[5] == receipt.messageID })
      let after = try #require(all.first { $0[0] == "SubAfter" && $0[2] == receipt.messageID })
      #expect(before[2...3] == ["DefaultRegion", "cgt"])
      #expect(before[4] == after[1])
      #expect(after[4] == success && after[6] == code && after[8] == "cgt")
    }
  }

  @Test func `a topic of one's own takes the traces, and too many at once are dropped`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    var configuration = ProducerConfiguration.patient
    configuration.traceTopic = "OwnTraces"
    configuration.tracesMessages = true
    let producer = try client.producer(group: "pgt", configuration)
    // Traces of traces would never end.
    try await producer.send(Message(topic: "OwnTraces", text: "not traced"))
    let receipt = try await producer.send([Message(topic: "Traced", text: "a"), Message(topic: "Traced", text: "b")])
    try await running(client) {
      let found = try await records(2, of: "OwnTraces", cluster).filter { $0[0] == "Pub" }
      #expect(found.map { $0[5] } == [receipt.map(\.messageID).joined(separator: ",")])
    }
    let tracer = try client.tracer(of: "many", .produce, topic: "OwnTraces")
    let outgoing = try producer.prepare(Message(topic: "Traced", text: "x"))
    for number in 0..<2_000 {
      var one = receipt[0]
      one.messageID = "m\(number)"
      tracer.sent(outgoing, one, at: "127.0.0.1:1", began: SystemClock.wall(), took: .zero)
    }
    #expect(tracer.waiting == 1_024)
  }

  @Test func `at the end traces are sent only as long as brokers take them`() async throws {
    let server = try MuteServer(hangsUp: true)
    let client = try MessageClient(ClientConfiguration.patient([server.address]), log: Logger(level: .error))
    let producer = try client.producer(group: "pgt")
    let outgoing = try producer.prepare(Message(topic: "Traced", text: "x"))
    let tracer = try client.tracer(of: "pgt", .produce, topic: nil)
    for number in 0..<250 {
      let receipt = SendReceipt(
        status: .stored, messageID: "m\(number)", offsetMessageID: "",
        queue: MessageQueue(topic: "Traced", brokerName: "mute", queueID: 0), queueOffset: Int64(number),
        transactionID: nil, region: nil, isTraced: true)
      tracer.sent(outgoing, receipt, at: server.address, began: SystemClock.wall(), took: .zero)
    }
    await client.tracers.flush()
    #expect(tracer.waiting == 150)
    server.stop()
  }
}
