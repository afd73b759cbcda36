import ApusModel
import Testing

@testable import ApusClient

@Suite(.timeLimit(.minutes(10))) struct PullConsumerTests {
  private func send(_ topic: String, _ count: Int, _ client: MessageClient) async throws -> Producer {
    let producer = try client.producer(group: "pg-\(topic)")
    for number in 0..<count { try await producer.send(Message(topic: topic, text: "\(number)")) }
    return producer
  }

  private static var fromStart: PullConsumerConfiguration {
    var configuration = PullConsumerConfiguration()
    configuration.start = .first
    return configuration
  }

  @Test func `a sequence gives every message, and the next consumer goes on behind them`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try await send("PullSeq", 40, client)
    let consumer = try client.pullConsumer(group: "pc", subscriptions: [Subscription("PullSeq")], Self.fromStart)
    try await running(client, [consumer]) {
      var found: Set<String> = []
      for await message in consumer.messages {
        found.insert(message.text)
        if found.count == 40 { break }
      }
      await consumer.commit()
      #expect(found == Set((0..<40).map { "\($0)" }))
    }
    #expect(await consumer.poll() == nil)
    let again = try await cluster.client()
    let reader = try again.pullConsumer(group: "pc", subscriptions: [Subscription("PullSeq")], Self.fromStart)
    var committed: Int64 = 0
    for queue in try await reader.queues(of: "PullSeq") { committed += try await reader.committed(queue) ?? 0 }
    #expect(committed == 40)
    _ = producer
  }

  @Test func `what a loop that ends early leaves is given to the next one, and counts as consumed no sooner`()
    async throws
  {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try await send("PullBreak", 1, client)
    let queue = try #require(try await producer.queues(of: "PullBreak").first)
    let rest = try await client.runtime.maxOffset(of: queue)
    for number in 0..<9 { try await producer.send(Message(topic: "PullBreak", text: "q\(number)"), to: queue) }
    var configuration = Self.fromStart
    configuration.commitsByItself = false
    let consumer = try client.pullConsumer(group: "pb", configuration)
    consumer.assign([queue])
    try await running(client, [consumer]) {
      try await until { consumer.allWork.first.map { $0.count == 9 + Int(rest) } ?? false }
      try consumer.seek(queue, to: rest)
      try await until { consumer.allWork.first.map { $0.count == 9 } ?? false }
      for expected in 0..<3 {
        for await message in consumer.messages {
          #expect(message.text == "q\(expected)")
          break
        }
        await consumer.commit()
        #expect(try await consumer.committed(queue) == rest + Int64(expected) + 1)
      }
      #expect(await consumer.poll()?.map(\.text) == (3..<9).map { "q\($0)" })
      // What was left of a queue that goes on elsewhere is not wanted any more.
      try consumer.seek(queue, to: rest)
      try await until { consumer.allWork.first.map { $0.count == 9 } ?? false }
      for await message in consumer.messages {
        #expect(message.text == "q0")
        break
      }
      try consumer.seek(queue, to: rest + 8)
      #expect(await consumer.poll(timeout: Patience.limit)?.map(\.text) == ["q8"])
    }
  }

  @Test func `a commit is done also when its task is cancelled`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try await send("PullStop", 1, client)
    let queue = try #require(try await producer.queues(of: "PullStop").first)
    let receipt = try await producer.send(Message(topic: "PullStop", text: "last"), to: queue)
    var configuration = Self.fromStart
    configuration.commitsByItself = false
    let consumer = try client.pullConsumer(group: "pst", configuration)
    consumer.assign([queue])
    try await running(client, [consumer]) {
      try await until { consumer.queues == [queue] }
      try consumer.seek(queue, to: receipt.queueOffset)
      #expect(await consumer.poll(timeout: Patience.limit)?.map(\.text) == ["last"])
      let stopping = Task {
        while !Task.isCancelled { await Task.yield() }
        await consumer.commit()
      }
      stopping.cancel()
      await stopping.value
      #expect(try await consumer.committed(queue) == receipt.queueOffset + 1)
    }
  }

  @Test func `a task that is cancelled polls no more`() async throws {
    let consumer = try MessageClient(.patient(["127.0.0.1:1"])).pullConsumer(group: "cg")
    let polling = Task { while await consumer.poll(timeout: Patience.limit) != nil {} }
    polling.cancel()
    await polling.value
  }

  @Test func `whoever waits for messages of a consumer that cannot run is told so`() async throws {
    let client = try MessageClient(.patient(["127.0.0.1:1"]))
    try client.join("cg", try client.pullConsumer(group: "cg"))
    let consumer = try client.pullConsumer(group: "cg")
    await #expect(throws: ClientError(.invalidArgument, "")) { try await consumer.run() }
    #expect(await consumer.poll() == nil)
    for await message in consumer.messages { Issue.record("nobody can have sent \(message)") }
  }

  @Test func `a topic that there is not yet keeps nothing of the others back`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try await send("PullOther", 1, client)
    let consumer = try client.pullConsumer(
      group: "pm", subscriptions: [Subscription("AMissing"), Subscription("PullOther")], Self.fromStart)
    try await running(client, [consumer]) {
      for await message in consumer.messages {
        #expect(message.topic == "PullOther" && message.text == "0")
        break
      }
    }
    _ = producer
  }

  @Test func `a queue is named with or without the namespace of its topic`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client { $0.namespace = "space" }
    let producer = try await send("PullSpace", 1, client)
    let full = try #require(try await producer.queues(of: "PullSpace").first)
    #expect(full.topic == "space%PullSpace")
    var short = full
    short.topic = "PullSpace"
    try await producer.send(Message(topic: "PullSpace", text: "here"), to: short)
    let consumer = try client.pullConsumer(group: "ps", Self.fromStart)
    let end = try await client.runtime.maxOffset(of: full)
    #expect(try await consumer.pull(short, from: end - 1).messages.map(\.text) == ["here"])
    try await consumer.commit(short, offset: end)
    #expect(try await consumer.committed(short) == end)
    consumer.assign([short])
    try await running(client, [consumer]) {
      try await until { consumer.queues == [full] }
      try consumer.seek(short, to: end - 1)
      #expect(await consumer.poll(timeout: Patience.limit)?.map(\.text) == ["here"])
      consumer.pause([short])
      try await consumer.seekToBegin(short)
      #expect(await consumer.poll(timeout: .milliseconds(50)) == [])
    }
  }

  @Test func `assigned queues can be sought and paused`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try await send("PullAssign", 1, client)
    let queue = try #require(try await producer.queues(of: "PullAssign").first)
    for number in 0..<10 { try await producer.send(Message(topic: "PullAssign", text: "q\(number)"), to: queue) }
    let consumer = try client.pullConsumer(group: "pa", Self.fromStart)
    #expect(throws: ClientError(.invalidArgument, "")) { try consumer.seek(queue, to: 0) }
    consumer.assign([queue])
    try await running(client, [consumer]) {
      func take(_ count: Int) async -> [String] {
        var found: [String] = []
        while found.count < count, !Task.isCancelled { found += (await consumer.poll() ?? []).map(\.text) }
        return found
      }
      #expect(await take(10).contains("q8"))
      let max = try await client.runtime.maxOffset(of: queue)
      try consumer.seek(queue, to: max - 2)
      #expect(await take(2) == ["q8", "q9"])
      consumer.pause([queue])
      try await consumer.seekToBegin(queue)
      #expect(await consumer.poll(timeout: .milliseconds(50)) == [])
      consumer.resume([queue])
      #expect(await take(1).isEmpty == false)
      try await consumer.seekToEnd(queue)
      #expect(await consumer.poll(timeout: .milliseconds(50)) == [])
    }
  }
}
