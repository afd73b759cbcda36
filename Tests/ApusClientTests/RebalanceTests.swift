import ApusModel
import ApusSystem
import Testing

@testable import ApusClient

/// A group whose members join, leave and crash while messages come.
@Suite(.timeLimit(.minutes(2))) struct RebalanceTests {
  /// Who was given what, in order.
  private final class Deliveries: Sendable {
    struct One: Sendable {
      let member: String
      let text: String
    }

    private let all = Locked<[One]>([])

    func add(_ member: String, _ messages: [ReceivedMessage]) {
      all.withLock { all in for message in messages { all.append(One(member: member, text: message.text)) } }
    }

    var list: [One] { all.withLock { $0 } }
    func count(of member: String) -> Int { list.count { $0.member == member } }
    var texts: Set<String> { Set(list.map(\.text)) }
  }

  private struct Member {
    let client: MessageClient
    let consumer: PushConsumer

    /// `stalls`: the listener takes messages and never finishes them.
    init(_ name: String, _ cluster: Cluster, _ deliveries: Deliveries, stalls: Bool = false) async throws {
      client = try await cluster.client()
      var configuration = ConsumerConfiguration.fromStart
      configuration.terminationTime = stalls ? .zero : .seconds(10)
      consumer = try client.pushConsumer(
        group: "cgr", subscriptions: [Subscription("Moves")], configuration,
        listener: .concurrent { messages in
          deliveries.add(name, messages)
          if stalls { try await Task.sleep(for: .seconds(3600)) }
          return .success
        })
    }

    /// How many queues of the topic it has.
    var share: Int { consumer.queues.count { $0.topic == "Moves" } }
  }

  @Test func `queues that a topic gets later are consumed as soon as the route tells of them`() async throws {
    let cluster = try Cluster(["fx-a", "fx-b"])
    let producer = try await cluster.client().producer(group: "pg")
    let first = MessageQueue(topic: "Grows", brokerName: "fx-a", queueID: 0)
    try await producer.send(Message(topic: "Grows", text: "first"), to: first)
    let client = try await cluster.client {
      $0.pollNameServerInterval = .milliseconds(10)
      $0.rebalanceInterval = .seconds(3600)
    }
    let seen = Seen()
    let consumer = try client.pushConsumer(
      group: "cgr", subscriptions: [Subscription("Grows")], .fromStart,
      listener: .concurrent { messages in
        seen.add(messages)
        return .success
      })
    try await running(client, [consumer]) {
      #expect(await seen.first(1).map(\.text) == ["first"])
      // The broker makes the topic with its first message there.
      let later = MessageQueue(topic: "Grows", brokerName: "fx-b", queueID: 0)
      try await producer.send(Message(topic: "Grows", text: "later"), to: later)
      #expect(await seen.first(1).map(\.text) == ["later"])
    }
  }

  @Test func `a broker that is gone does not keep the others' queues from being shared out`() async throws {
    let cluster = try Cluster(["fx-a", "fx-b"])
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    for queue in try await producer.queues(of: "Halved") {
      try await producer.send(Message(topic: "Halved", text: queue.brokerName), to: queue)
    }
    // The client still has its queues in the route.
    try cluster.stop("fx-a")
    let seen = Seen()
    let consumer = try client.pushConsumer(
      group: "cgr", subscriptions: [Subscription("Halved")], .fromStart,
      listener: .concurrent { messages in
        seen.add(messages)
        return .success
      })
    try await running(client, [consumer]) {
      #expect(await seen.first(1).map(\.text) == ["fx-b"])
    }
  }

  @Test func `every message is seen, and twice only where queues changed hands`() async throws {
    let cluster = try Cluster()
    var settings = ProducerConfiguration()
    settings.defaultTopicQueueCount = 8
    let producer = try await cluster.client().producer(group: "pg", settings)
    let deliveries = Deliveries()
    var sent = 0
    func send(_ count: Int) async throws {
      for _ in 0..<count {
        try await producer.send(Message(topic: "Moves", text: "\(sent)"))
        sent += 1
      }
    }
    func all() async { while deliveries.texts.count != sent { await Task.yield() } }

    try await send(8)
    let one = try await Member("one", cluster, deliveries)
    try await running(one.client, [one.consumer]) {
      try await send(50)
      await all()
      // A second one joins, and leaves in order.
      let two = try await Member("two", cluster, deliveries)
      try await running(two.client, [two.consumer]) {
        try await send(50)
        while (one.share, two.share) != (4, 4) { await Task.yield() }
        try await send(50)
        await all()
        #expect(deliveries.count(of: "two") >= 24)
      }
      while one.share != 8 { await Task.yield() }
      try await send(50)
      await all()
      let beforeCrash = deliveries.list.count - sent
      // A third one joins, takes messages, and is gone without a word.
      let three = try await Member("three", cluster, deliveries, stalls: true)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await three.client.run() }
        group.addTask { try await three.consumer.run() }
        while (one.share, three.share) != (4, 4) { await Task.yield() }
        try await send(40)
        while deliveries.count(of: "three") < 20 { await Task.yield() }
        three.client.runtime.close()
        while one.share != 8 { await Task.yield() }
        await all()
        group.cancelAll()
        try await group.waitForAll()
      }
      // What the third one had in hand comes again, and nothing else but what was in hand at a change.
      let again = Dictionary(grouping: deliveries.list, by: \.text).filter { $0.value.count > 1 }
      while Set(deliveries.list.filter { $0.member == "three" }.map(\.text))
        .subtracting(deliveries.list.filter { $0.member == "one" }.map(\.text)).isEmpty == false
      {
        await Task.yield()
      }
      for (text, times) in again {
        #expect(Set(times.map(\.member)).count > 1, "\(text) came twice to one member")
      }
      #expect(beforeCrash <= 40, "\(beforeCrash) of \(sent) messages came twice without a crash")
    }
    #expect(deliveries.texts.count == sent)
  }
}
