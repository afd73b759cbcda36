import ApusModel
import ApusSystem
import Testing

@testable import ApusClient

@Suite(.timeLimit(.minutes(10))) struct TransactionTests {
  private struct LocalFailure: Error {}

  private func delivered(_ topic: String, _ count: Int, _ cluster: Cluster) async throws -> [String] {
    let client = try await cluster.client()
    var configuration = ConsumerConfiguration()
    configuration.start = .first
    let (stream, continuation) = AsyncStream.makeStream(of: String.self)
    let consumer = try client.pushConsumer(
      group: "tx-reader", subscriptions: [Subscription(topic)], configuration,
      listener: .concurrent { messages in
        for message in messages { continuation.yield(message.text) }
        return .success
      })
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await client.run() }
      group.addTask { try await consumer.run() }
      var found: [String] = []
      for await text in stream {
        found.append(text)
        if found.count == count { break }
      }
      group.cancelAll()
      try await group.waitForAll()
      return found
    }
  }

  @Test func `what is committed is delivered, what is rolled back is not`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.transactionProducer(group: "txg") { _ in .unknown }
    for number in 0..<6 {
      let result = try await producer.send(Message(topic: "Tx", text: "\(number)")) { receipt in
        #expect(receipt.status == .stored)
        return number % 2 == 0 ? .commit : .rollback
      }
      #expect(result.state == (number % 2 == 0 ? .commit : .rollback))
    }
    await #expect(throws: LocalFailure.self) {
      try await producer.send(Message(topic: "Tx", text: "fails")) { _ in throw LocalFailure() }
    }
    _ = try await producer.send(Message(topic: "Tx", text: "last")) { _ in .commit }
    #expect(Set(try await delivered("Tx", 4, cluster)) == ["0", "2", "4", "last"])
  }

  @Test func `the end of a transaction is told although the task was cancelled`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    var configuration = ProducerConfiguration.patient
    configuration.tracesMessages = true
    let producer = try client.transactionProducer(group: "txe", configuration) { _ in .unknown }
    let (begun, begins) = AsyncStream.makeStream(of: Void.self)
    let sending = Task {
      try await producer.send(Message(topic: "TxCut", text: "x")) { _ in
        begins.yield()
        while !Task.isCancelled { await Task.yield() }
        return .commit
      }
    }
    for await _ in begun { break }
    sending.cancel()
    #expect(try await sending.value.state == .commit)
    // The half message and its end, which was no failure.
    #expect(producer.producer.tracer?.waiting == 2)
    #expect(try await delivered("TxCut", 1, cluster) == ["x"])
  }

  @Test func `a transaction whose end is not told is asked about`() async throws {
    // Asked about without end, however long the producer takes to say that it is there.
    let cluster = try Cluster(
      ["fx-a"],
      [("transactionTimeOut", "10"), ("transactionCheckInterval", "50"), ("transactionCheckMax", "1000000")])
    let client = try await cluster.client()
    let asked = WakeUp()
    let producer = try client.transactionProducer(group: "txc") { message in
      asked.signal()
      return message.text == "open" && message.topic == "TxOpen" ? .commit : .rollback
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await client.run() }
      _ = try await producer.send(Message(topic: "TxOpen", text: "open")) { _ in .unknown }
      await client.heartbeat()
      #expect(try await delivered("TxOpen", 1, cluster) == ["open"])
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  @Test func `what was committed before the local transaction threw is asked about, not rolled back`() async throws {
    let cluster = try Cluster(
      ["fx-a"],
      [("transactionTimeOut", "10"), ("transactionCheckInterval", "50"), ("transactionCheckMax", "1000000")])
    let client = try await cluster.client()
    let isCommitted = Locked(false)
    let producer = try client.transactionProducer(group: "txt") { _ in
      isCommitted.withLock { $0 } ? .commit : .unknown
    }
    try await running(client) { () async throws -> Void in
      await #expect(throws: LocalFailure.self) {
        try await producer.send(Message(topic: "TxThrown", text: "paid")) { _ in
          isCommitted.withLock { $0 = true }
          // As a database whose answer is lost.
          throw LocalFailure()
        }
      }
      await client.heartbeat()
      #expect(try await delivered("TxThrown", 1, cluster) == ["paid"])
    }
  }

  @Test func `a batch is split by size, and every message has its receipt`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    var configuration = ProducerConfiguration.patient
    configuration.maxMessageBytes = 2_000
    let producer = try client.producer(group: "pgb", configuration)
    let messages = (0..<50).map { Message(topic: "Batch", text: "b\($0)", tag: "t", keys: ["k\($0)"]) }
    let receipts = try await producer.send(messages)
    #expect(receipts.count == 50)
    #expect(Set(receipts.map(\.messageID)).count == 50)
    #expect(Set(receipts.map(\.offsetMessageID)).count == 50)
    #expect(
      Set(try await delivered("Batch", 50, cluster)) == Set(messages.map { String(decoding: $0.body, as: UTF8.self) }))
    await #expect(throws: ClientError(.invalidArgument, "")) { try await producer.send([]) }
    await #expect(throws: ClientError(.invalidArgument, "")) {
      try await producer.send([Message(topic: "A", text: "1"), Message(topic: "B", text: "2")])
    }
    await #expect(throws: ClientError(.invalidArgument, "")) {
      try await producer.send([Message(topic: "A", text: "1", delivery: .level(1))])
    }
  }

  @Test func `a oneway message arrives too`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pgo")
    try await producer.sendOneway(Message(topic: "Oneway", text: "gone"))
    // The topic is made by the first message; a sent one makes sure that it is known.
    try await producer.send(Message(topic: "Oneway", text: "kept"))
    #expect(Set(try await delivered("Oneway", 2, cluster)) == ["gone", "kept"])
  }
}
