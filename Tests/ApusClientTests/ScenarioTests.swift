import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusClient

/// What a third-party client's conformance run asks of a broker, asked through this library. Sync, oneway, batch, tag,
/// retry and pull are in the suites of producers and consumers.
@Suite(.timeLimit(.minutes(10))) struct ScenarioTests {
  private func consumer(
    _ topic: String, _ client: MessageClient, _ seen: Seen, group: String = "cg", orderly: Bool = false
  ) throws -> PushConsumer {
    try client.pushConsumer(
      group: group, subscriptions: [Subscription(topic)], .fromStart,
      listener: orderly
        ? .orderly { messages in
          seen.add(messages)
          return .success
        }
        : .concurrent { messages in
          seen.add(messages)
          return .success
        })
  }

  @Test func `messages to new topics go to the four queues in turn`() async throws {
    let cluster = try Cluster()
    let producer = try await cluster.client().producer(group: "pg")
    var places: [Int64] = []
    for number in 0..<16 {
      places.append(try await producer.send(Message(topic: "Turn", text: "\(number)")).queueOffset)
    }
    #expect(places.sorted() == [0, 1, 2, 3].flatMap { [Int64](repeating: $0, count: 4) })
  }

  @Test func `messages of one key keep their order`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    for number in 0..<10 {
      for key in 0..<6 {
        try await producer.send(Message(topic: "Keys", text: "\(key):\(number)"), by: .hash(of: Int64(key)))
      }
    }
    let seen = Seen()
    let consumer = try consumer("Keys", client, seen, orderly: true)
    try await running(client, [consumer]) {
      let found = await seen.first(60)
      for key in 0..<6 {
        let mine = found.filter { $0.text.hasPrefix("\(key):") }
        #expect(mine.map(\.text) == (0..<10).map { "\(key):\($0)" })
        #expect(Set(mine.map(\.queue)).count == 1)
      }
    }
  }

  @Test(arguments: [Message.Delivery.level(1), .after(.milliseconds(700))])
  func `a delayed message comes when it is due, under its own topic`(delivery: Message.Delivery) async throws {
    let cluster = try Cluster(["fx-a"], [("messageDelayLevel", "1s 2s")])
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    let seen = Seen()
    let consumer = try consumer("Later", client, seen)
    try await producer.send(Message(topic: "Later", text: "later", keys: ["dk"], delivery: delivery))
    try await running(client, [consumer]) {
      let found = try #require(await seen.first(1).first)
      #expect(found.topic == "Later" && found.text == "later" && found.keys == ["dk"])
      let waited = found.storeMilliseconds - found.bornMilliseconds
      #expect(waited >= (delivery == .level(1) ? 900 : 600))
    }
  }

  @Test func `a message for a moment comes at that moment`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    let seen = Seen()
    let consumer = try consumer("Moment", client, seen)
    let due = SystemClock.wall().milliseconds + 500
    try await producer.send(Message(topic: "Moment", text: "at", delivery: .at(milliseconds: due)))
    try await running(client, [consumer]) {
      let found = try #require(await seen.first(1).first)
      #expect(found.storeMilliseconds >= due - 1)
    }
  }

  @Test func `a second run of a group sees only what is new`() async throws {
    let cluster = try Cluster()
    let producer = try await cluster.client().producer(group: "pg")
    for round in 0..<2 {
      for number in 0..<10 { try await producer.send(Message(topic: "Twice", text: "\(round):\(number)")) }
      let (client, seen) = (try await cluster.client(), Seen())
      let consumer = try consumer("Twice", client, seen)
      try await running(client, [consumer]) {
        #expect(Set(await seen.first(10).map(\.text)) == Set((0..<10).map { "\(round):\($0)" }))
      }
    }
  }

  @Test func `large bodies come whole, compressed or not`() async throws {
    let cluster = try Cluster(["fx-a"], [("mappedFileSizeCommitLog", "8388608")])
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    var random = SeededGenerator(seed: 5)
    let noise = (0..<1 << 20).map { _ in UInt8.random(in: 0...255, using: &random) }
    let text = Array(String(repeating: "compress me ", count: 8_000).utf8)
    for body in [noise, text] { try await producer.send(Message(topic: "Big", body: body)) }
    let seen = Seen()
    let consumer = try consumer("Big", client, seen)
    try await running(client, [consumer]) { #expect(Set(await seen.first(2).map(\.body)) == [noise, text]) }
  }

  @Test func `topics and groups of a namespace keep apart from others`() async throws {
    let cluster = try Cluster()
    let inside = try await cluster.client { $0.namespace = "ns" }
    let outside = try await cluster.client()
    let receipt = try await inside.producer(group: "pg").send(Message(topic: "Spaced", text: "inside"))
    #expect(receipt.queue.topic == "ns%Spaced")
    try await outside.producer(group: "pg").send(Message(topic: "Spaced", text: "outside"))
    let seen = Seen()
    let consumer = try consumer("Spaced", inside, seen)
    #expect(consumer.group == "ns%cg")
    try await running(inside, [consumer]) {
      let found = await seen.first(1)
      #expect(found.map(\.text) == ["inside"] && found[0].topic == "Spaced")
    }
  }

  @Test func `a send goes to another broker when one is gone, and a gone topic says so`() async throws {
    let cluster = try Cluster(["fx-a", "fx-b"])
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    for number in 0..<8 { try await producer.send(Message(topic: "Gone", text: "\(number)")) }
    #expect(Set(try await producer.queues(of: "Gone").map(\.brokerName)) == ["fx-a", "fx-b"])
    try cluster.stop("fx-b")
    for number in 0..<8 {
      let receipt = try await producer.send(Message(topic: "Gone", text: "after \(number)"))
      #expect(receipt.queue.brokerName == "fx-a")
    }
    // Of one queue there is no other.
    let queue = try #require(try await producer.queues(of: "Gone").first { $0.brokerName == "fx-b" })
    let error = await #expect(throws: ClientError.self) {
      try await producer.send(Message(topic: "Gone", text: "x"), to: queue)
    }
    #expect([.unreachable, .connectionLost, .noQueue].contains(error?.code))
  }

  @Test func `a pull consumer pulls, commits and hears of new queues`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    let queue = try await producer.send(Message(topic: "PullOnce", text: "0", tag: "a")).queue
    for number in 1..<10 {
      try await producer.send(
        Message(topic: "PullOnce", text: "\(number)", tag: number % 2 == 0 ? "a" : "b"), to: queue)
    }
    var configuration = PullConsumerConfiguration()
    configuration.metadataCheckInterval = .milliseconds(20)
    let consumer = try client.pullConsumer(group: "pc", configuration)
    let some = try await consumer.pull(queue, from: 2, limit: 3)
    #expect(some.status == .found && some.messages.map(\.text) == ["2", "3", "4"] && some.nextOffset == 5)
    #expect(some.minOffset == 0 && some.maxOffset == 10)
    let tagged = try await consumer.pull(queue, from: 0, .tags("b"))
    #expect(tagged.messages.map(\.text) == ["1", "3", "5", "7", "9"])
    #expect(try await consumer.pull(queue, from: 10).status == .noNewMessage)
    #expect(try await consumer.pull(queue, from: 99).status == .offsetIllegal)
    await #expect(throws: ClientError(.invalidArgument, "")) { try await consumer.pull(queue, from: -1) }
    try await consumer.commit(queue, offset: 7)
    #expect(try await consumer.committed(queue) == 7)

    var counts: [Int] = []
    for await queues in consumer.queueChanges(of: "PullOnce") {
      counts.append(queues.count)
      if counts.count == 2 { break }
      let wider = UpdateAndCreateTopic.Request(
        topic: "PullOnce", defaultTopic: "TBW102", readQueueCount: 6, writeQueueCount: 6, permission: 6,
        filter: "SINGLE_TAG")
      _ = try await client.runtime.ask(wider, at: try await client.runtime.anyMember(of: queue))
    }
    #expect(counts == [4, 6])
  }

  @Test func `a topic that cannot be written to has no queue to choose from`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    let message = Message(topic: "ReadOnly", text: "x")
    let queue = try await producer.send(message).queue
    let closed = UpdateAndCreateTopic.Request(
      topic: "ReadOnly", defaultTopic: "TBW102", readQueueCount: 4, writeQueueCount: 4, permission: 4,
      filter: "SINGLE_TAG")
    _ = try await client.runtime.ask(closed, at: try await client.runtime.anyMember(of: queue))
    try await cluster.route("ReadOnly", by: client) { $0.writeQueues.isEmpty }
    await #expect(throws: ClientError(.noQueue, "")) {
      try await producer.send(message) { queues in queues[7 % queues.count] }
    }
  }

  @Test func `a message goes to no queue of another topic, and to one of its own under either name`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client { $0.namespace = "ns" }
    let producer = try client.producer(group: "pg")
    let own = try await producer.send(Message(topic: "Own", text: "1")).queue
    #expect(own.topic == "ns%Own")
    let other = MessageQueue(topic: "Other", brokerName: own.brokerName, queueID: own.queueID)
    await #expect(throws: ClientError(.invalidArgument, "")) {
      try await producer.send(Message(topic: "Own", text: "x"), to: other)
    }
    await #expect(throws: ClientError(.invalidArgument, "")) {
      try await producer.send([Message(topic: "Own", text: "x")], to: other)
    }
    await #expect(throws: ClientError(.invalidArgument, "")) {
      try await producer.sendOneway(Message(topic: "Own", text: "x"), to: other)
    }
    let short = MessageQueue(topic: "Own", brokerName: own.brokerName, queueID: own.queueID)
    for queue in [own, short] {
      #expect(try await producer.send(Message(topic: "Own", text: "2"), to: queue).queue == own)
    }
  }

  @Test func `sends beyond the limit wait within their time`() async throws {
    let limit = InFlightLimit(1)
    #expect(await limit.enter())
    #expect(await !limit.enter(within: .milliseconds(10)))
    let waiting = Task { await limit.enter() }
    let cancelled = Task { await limit.enter(within: .seconds(3600)) }
    cancelled.cancel()
    #expect(await !cancelled.value)
    limit.leave()
    #expect(await waiting.value)
    limit.leave()
    #expect(await limit.enter(within: .zero))
  }
}
