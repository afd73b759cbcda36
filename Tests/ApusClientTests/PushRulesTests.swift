import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusClient

/// What a push consumer promises beyond handing messages over.
@Suite(.timeLimit(.minutes(10))) struct PushRulesTests {
  private static let quickLevels = [("messageDelayLevel", "1s 1s 1s 1s 1s 1s")]

  /// A gate that listeners wait at.
  private final class Gate: Sendable {
    private let state = Locked<(isOpen: Bool, waiting: [PendingAnswer<Void>])>((false, []))

    func pass() async {
      let pending = PendingAnswer<Void>()
      let isOpen = state.withLock { state in
        if !state.isOpen { state.waiting.append(pending) }
        return state.isOpen
      }
      if !isOpen { await pending.value(ifCancelled: ()) }
    }

    func open() {
      let waiting = state.withLock { state in
        defer { state = (true, []) }
        return state.waiting
      }
      for one in waiting { one.resolve(()) }
    }
  }

  /// The messages of a topic with one queue, once there are `count`.
  private func stored(_ count: Int, in topic: String, _ cluster: Cluster) async throws -> [ReceivedMessage] {
    let client = try await cluster.client()
    let queues = try await cluster.route(topic, by: client).readQueues
    while true {
      var found: [ReceivedMessage] = []
      for queue in queues { found += try await cluster.records(in: queue, by: client) }
      if found.count >= count { return found }
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  @Test func `a message that fails too often, or that is given up, is a dead letter`() async throws {
    let cluster = try Cluster(["fx-a"], Self.quickLevels)
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    for text in ["hopeless", "given up"] { try await producer.send(Message(topic: "Dead", text: text)) }
    let seen = Seen()
    var configuration = ConsumerConfiguration.fromStart
    configuration.maxReconsumeTimes = 1
    let consumer = try client.pushConsumer(
      group: "cgd", subscriptions: [Subscription("Dead")], configuration,
      listener: .concurrent { messages in
        seen.add(messages)
        return messages[0].text == "given up" ? .deadLetter : .retry()
      })
    try await running(client, [consumer]) {
      let dead = try await stored(2, in: "%DLQ%cgd", cluster)
      #expect(Set(dead.map(\.text)) == ["given up", "hopeless"])
      #expect(dead.map { $0.properties["RETRY_TOPIC"] } == ["Dead", "Dead"])
      let tries = await seen.first(3)
      #expect(tries.filter { $0.text == "hopeless" }.map(\.reconsumeTimes) == [0, 1])
      #expect(tries.filter { $0.text == "given up" }.map(\.reconsumeTimes) == [0])
    }
  }

  @Test func `in order too, a message that fails too often makes way`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    for text in ["1", "stuck", "2"] {
      try await producer.send(Message(topic: "DeadOrder", text: text), by: .hash(of: "key"))
    }
    let seen = Seen()
    var configuration = ConsumerConfiguration.fromStart
    configuration.maxReconsumeTimes = 2
    let consumer = try client.pushConsumer(
      group: "cgo", subscriptions: [Subscription("DeadOrder")], configuration,
      listener: .orderly { messages in
        seen.add(messages)
        return messages[0].text == "stuck" ? .suspend(for: .milliseconds(10)) : .success
      })
    try await running(client, [consumer]) {
      let found = await seen.first(5)
      #expect(found.map(\.text) == ["1", "stuck", "stuck", "stuck", "2"])
      let dead = try await stored(1, in: "%DLQ%cgo", cluster)
      #expect(dead.map(\.text) == ["stuck"])
    }
  }

  @Test func `in order, a queue changes hands only when the listener is done with what it has`() async throws {
    let cluster = try Cluster()
    let first = try await cluster.client { $0.rebalanceInterval = .milliseconds(50) }
    let second = try await cluster.client { $0.rebalanceInterval = .milliseconds(50) }
    let producer = try first.producer(group: "pg")
    for queue in try await producer.queues(of: "Hands") {
      for text in ["1", "2"] { try await producer.send(Message(topic: "Hands", text: text), to: queue) }
    }
    let (seen, gate) = (Seen(), Gate())
    func consumer(_ client: MessageClient) throws -> PushConsumer {
      try client.pushConsumer(
        group: "cgh", subscriptions: [Subscription("Hands")], .fromStart,
        listener: .orderly { messages in
          seen.add(messages)
          await gate.pass()
          return .success
        })
    }
    let (one, two) = (try consumer(first), try consumer(second))
    func shares() -> [Int] { [one, two].map { $0.queues.count { $0.topic == "Hands" } } }
    try await running(first, [one]) {
      #expect(await seen.first(4).map(\.text) == ["1", "1", "1", "1"])
      try await running(second, [two]) {
        try await until { one.allWork.count { $0.isLeaving && $0.queue.topic == "Hands" } == 2 }
        #expect(shares() == [4, 0])
        gate.open()
        // The first one had all four: two each are two halves.
        try await until { shares() == [2, 2] }
        #expect(await seen.first(4).map(\.text) == ["2", "2", "2", "2"])
      }
    }
  }

  @Test func `in order, a queue that waits holds up no other`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    let queues = try await producer.queues(of: "Waits")
    for text in ["stuck", "1"] {
      try await producer.send(Message(topic: "Waits", text: text), to: queues[text == "stuck" ? 0 : 1])
    }
    let seen = Seen()
    var configuration = ConsumerConfiguration.fromStart
    configuration.concurrency = 1
    let consumer = try client.pushConsumer(
      group: "cgw", subscriptions: [Subscription("Waits")], configuration,
      listener: .orderly { messages in
        guard messages[0].text != "stuck" else { return .suspend(for: .seconds(30)) }
        seen.add(messages)
        return .success
      })
    try await running(client, [consumer]) { #expect(await seen.first(1).map(\.text) == ["1"]) }
  }

  @Test func `in order, a queue that is set back is begun anew when the listener is done with what it has`()
    async throws
  {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    let queue = try await producer.send(Message(topic: "SetBack", text: "1")).queue
    try await producer.send(Message(topic: "SetBack", text: "2"), to: queue)
    let (seen, gate) = (Seen(), Gate())
    let calls = Locked((now: 0, most: 0))
    let consumer = try client.pushConsumer(
      group: "cgs", subscriptions: [Subscription("SetBack")], .fromStart,
      listener: .orderly { messages in
        calls.withLock { calls in
          calls.now += 1
          calls.most = max(calls.most, calls.now)
        }
        seen.add(messages)
        await gate.pass()
        calls.withLock { $0.now -= 1 }
        return .success
      })
    try await running(client, [consumer]) {
      #expect(await seen.first(1).map(\.text) == ["1"])
      let work = try #require(consumer.work(of: queue))
      await consumer.reset([queue: 0])
      #expect(consumer.work(of: queue) === work && work.isLeaving && work.consumed == 0)
      gate.open()
      #expect(await seen.first(2).map(\.text) == ["1", "2"])
      #expect(calls.withLock { $0.most } == 1)
    }
  }

  @Test func `what takes too long comes again elsewhere, once`() async throws {
    let cluster = try Cluster(["fx-a"], Self.quickLevels)
    let client = try await cluster.client()
    let queue = try await client.producer(group: "pg").send(Message(topic: "Slow", text: "slow")).queue
    let (seen, gate) = (Seen(), Gate())
    var configuration = ConsumerConfiguration.fromStart
    configuration.consumeTimeout = .milliseconds(100)
    let consumer = try client.pushConsumer(
      group: "cgl", subscriptions: [Subscription("Slow")], configuration,
      listener: .concurrent { messages in
        seen.add(messages)
        guard messages[0].reconsumeTimes == 0 else { return .success }
        await gate.pass()
        return .retry()
      })
    try await running(client, [consumer]) {
      let found = await seen.first(2)
      #expect(found.map(\.reconsumeTimes) == [0, 1])
      // The first call is still under way, and holds the queue up no more.
      try await until { consumer.work(of: queue)?.consumed == 1 }
      gate.open()
    }
    // What it answers then is of no account: it was given back for its second try once. That try may have taken too
    // long itself.
    let retried = try await stored(1, in: "%RETRY%cgl", cluster)
    #expect(retried.count { $0.reconsumeTimes == 1 } == 1)
  }

  @Test(arguments: [true, false])
  func `the end waits for a listener as long as it is told, and loses nothing`(waits: Bool) async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let queue = try await client.producer(group: "pg").send(Message(topic: "End", text: "last")).queue
    let seen = Seen()
    var configuration = ConsumerConfiguration.fromStart
    configuration.terminationTime = waits ? .seconds(60) : .zero
    let consumer = try client.pushConsumer(
      group: "cge", subscriptions: [Subscription("End")], configuration,
      listener: .concurrent { messages in
        seen.add(messages)
        try await Task.sleep(for: .milliseconds(waits ? 100 : 3_600_000))
        return .success
      })
    try await running(client, [consumer]) { _ = await seen.first(1) }
    let late = GroupOffsets(group: "cge", runtime: try await cluster.client().runtime)
    #expect(try await late.stored(queue) ?? 0 == (waits ? 1 : 0))
  }

  @Test func `a message that the broker does not take back is sent to the retry topic`() async throws {
    let cluster = try Cluster(["fx-a"], Self.quickLevels)
    let client = try await cluster.client()
    let sent = try await client.producer(group: "pg").send(
      Message(topic: "Back", text: "back", tag: "t", keys: ["k"], properties: ["own": "1"]))
    let seen = Seen()
    let consumer = try client.pushConsumer(
      group: "cgb", subscriptions: [Subscription("Back")], .fromStart,
      listener: .concurrent { messages in
        seen.add(messages)
        return .success
      })
    try await running(client, [consumer]) {
      var lost = try #require(await seen.first(1).first)
      // No record lies there.
      lost.commitLogOffset = 1 << 40
      #expect(await consumer.sendBack(lost, level: 0))
      let again = try #require(await seen.first(1).first)
      #expect(again.text == "back" && again.topic == "Back" && again.reconsumeTimes == 1)
      #expect(again.messageID == sent.messageID && again.tag == "t" && again.keys == ["k"])
      #expect(again.properties["own"] == "1")
      #expect(again.properties["ORIGIN_MESSAGE_ID"] == lost.offsetMessageID)
      // Any client may send a message that claims to have failed as often as can be counted.
      lost.reconsumeTimes = .max
      #expect(lost.triesWithThis == .max)
      #expect(await consumer.sendBack(lost, level: -1))
      let dead = try await stored(1, in: "%DLQ%cgb", cluster)
      #expect(dead.map(\.text) == ["back"])
    }
  }

  @Test func `no more of a topic is in hand than its limit`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    for number in 0..<40 { try await producer.send(Message(topic: "Flow", text: "\(number)")) }
    let (seen, gate) = (Seen(), Gate())
    var configuration = ConsumerConfiguration.fromStart
    configuration.topicMessageLimit = 4
    configuration.pullBatchSize = 1
    let consumer = try client.pushConsumer(
      group: "cgf", subscriptions: [Subscription("Flow")], configuration,
      listener: .concurrent { messages in
        await gate.pass()
        seen.add(messages)
        return .success
      })
    try await running(client, [consumer]) {
      func counts() -> [Int] { consumer.allWork.filter { $0.queue.topic == "Flow" }.map(\.count) }
      try await until { counts() == [1, 1, 1, 1] }
      for _ in 0..<1_000 { await Task.yield() }
      #expect(counts() == [1, 1, 1, 1])
      gate.open()
      #expect(Set(await seen.first(40).map(\.text)) == Set((0..<40).map { "\($0)" }))
    }
  }

  /// Brokers say that a group is at the beginning of a queue that has lost nothing yet and is in memory, so that new
  /// groups do not miss what was sent while they started. Only a queue that has been cleaned is begun where it is told.
  @Test(arguments: [ConsumerConfiguration.Start.first, .last, .time(milliseconds: 4_102_444_800_000)])
  func `a new group reads a young queue from its beginning`(start: ConsumerConfiguration.Start) async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    let queue = try await producer.send(Message(topic: "Start", text: "old")).queue
    try await producer.send(Message(topic: "Start", text: "new"), to: queue)
    let seen = Seen()
    var configuration = ConsumerConfiguration()
    configuration.start = start
    let consumer = try client.pushConsumer(
      group: "cgs", subscriptions: [Subscription("Start")], configuration,
      listener: .concurrent { messages in
        seen.add(messages)
        return .success
      })
    try await running(client, [consumer]) {
      #expect(await Set(seen.first(2).map(\.text)) == ["old", "new"])
    }
  }

  @Test func `SQL conditions select by properties`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    for number in 0..<20 {
      try await producer.send(
        Message(
          topic: "Sql", text: "\(number)",
          properties: ["amount": "\(number)", "region": number % 2 == 0 ? "EU" : "US"]))
    }
    let seen = Seen()
    let consumer = try client.pushConsumer(
      group: "cgq", subscriptions: [Subscription("Sql", .sql("region = 'EU' AND amount > 9"))], .fromStart,
      listener: .concurrent { messages in
        seen.add(messages)
        return .success
      })
    try await running(client, [consumer]) {
      #expect(Set(await seen.first(5).map(\.text)) == ["10", "12", "14", "16", "18"])
    }
  }

  @Test(arguments: [0, 1_025])
  func `settings out of range are refused`(size: Int) throws {
    let client = try MessageClient(ClientConfiguration(nameServers: ["127.0.0.1:1"]))
    func refused(_ change: (inout ConsumerConfiguration) -> Void) {
      var configuration = ConsumerConfiguration()
      change(&configuration)
      #expect(throws: ClientError(.invalidArgument, "")) {
        try client.pushConsumer(
          group: "cg", subscriptions: [Subscription("T")], configuration, listener: .concurrent { _ in .success })
      }
    }
    refused { $0.batchSize = size }
    refused { $0.pullBatchSize = Int32(size) }
    refused { $0.concurrency = -size }
    refused { $0.suspendTime = .milliseconds(9) }
    refused { $0.maxReconsumeTimes = -1 }
    refused { $0.consumeTimeout = .zero }
    refused { $0.lockInterval = .zero }
    refused { $0.lockInterval = $0.lockMaxLiveTime }
    refused { $0.lockMaxLiveTime = .zero }
    refused { $0.lockMaxLiveTime = .seconds(60) + .nanoseconds(1) }
    refused { $0.queueMessageLimit = -size }
    refused { $0.queueByteLimit = -size }
    refused { $0.topicMessageLimit = -size }
    refused { $0.topicByteLimit = -size }
  }

  @Test func `settings by which something would be done without end, or never, are refused`() throws {
    for change in [
      { $0.pollNameServerInterval = .zero }, { $0.rebalanceInterval = .zero }, { $0.heartbeatBrokerInterval = .zero },
      { $0.persistConsumerOffsetInterval = .seconds(-1) }, { $0.requestTimeout = .zero }, { $0.connectTimeout = .zero },
    ] as [(inout ClientConfiguration) -> Void] {
      var configuration = ClientConfiguration(nameServers: ["127.0.0.1:1"])
      change(&configuration)
      #expect(throws: ClientError(.invalidArgument, "")) { try MessageClient(configuration) }
    }
    let client = try MessageClient(ClientConfiguration(nameServers: ["127.0.0.1:1"]))
    for change in [
      { $0.messageLimit = 0 }, { $0.queueMessageLimit = 0 }, { $0.queueByteLimit = 0 },
      { $0.metadataCheckInterval = .zero },
    ] as [(inout PullConsumerConfiguration) -> Void] {
      var configuration = PullConsumerConfiguration()
      change(&configuration)
      #expect(throws: ClientError(.invalidArgument, "")) { try client.pullConsumer(group: "cg", configuration) }
    }
  }
}
