import ApusModel
import ApusSystem
import Testing

@testable import ApusClient

/// A group whose members join, leave and crash while messages come.
@Suite(.timeLimit(.minutes(10))) struct RebalanceTests {
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
    func texts(of member: String) -> Set<String> { Set(list.filter { $0.member == member }.map(\.text)) }
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

    /// The queues of the topic that it has.
    var share: Set<MessageQueue> { Set(consumer.queues.filter { $0.topic == "Moves" }) }

    /// How many messages of its queues were consumed, by whomever.
    var progress: Int64 { consumer.progress(in: "Moves").values.reduce(0, +) }

    /// Waits until this one and another have a half of the eight queues each: one that has not heard of the other yet
    /// takes all, one by one.
    func shares(with other: Member) async throws {
      try await until { share.count == 4 && other.share.count == 4 && share.isDisjoint(with: other.share) }
    }
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
    var settings = ProducerConfiguration.patient
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
    func all() async throws { try await until { deliveries.texts.count == sent } }
    // Waits until members that have all queues between them are done with everything, whatever came twice included.
    func done(_ members: Member...) async throws {
      try await until { members.map(\.progress).reduce(0, +) == Int64(sent) }
    }

    try await send(8)
    let one = try await Member("one", cluster, deliveries)
    try await running(one.client, [one.consumer]) {
      try await send(50)
      try await done(one)
      await one.consumer.commit()
      // A second one joins, and leaves in order.
      let two = try await Member("two", cluster, deliveries)
      try await running(two.client, [two.consumer]) {
        try await send(50)
        try await one.shares(with: two)
        try await send(50)
        try await all()
        #expect(deliveries.count(of: "two") >= 24)
        try await done(one, two)
      }
      try await until { one.share.count == 8 }
      try await send(50)
      try await done(one)
      await one.consumer.commit()
      let beforeCrash = deliveries.list.count - sent
      // A third one joins, takes messages, and is gone without a word.
      let three = try await Member("three", cluster, deliveries, stalls: true)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await three.client.run() }
        group.addTask { try await three.consumer.run() }
        try await one.shares(with: three)
        try await send(40)
        try await until { deliveries.count(of: "three") >= 20 }
        three.client.runtime.close()
        try await until { one.share.count == 8 }
        try await all()
        group.cancelAll()
        try await group.waitForAll()
      }
      // What the third one had in hand comes again, and nothing else but what was in hand at a change.
      try await done(one)
      let again = Dictionary(grouping: deliveries.list, by: \.text).filter { $0.value.count > 1 }
      let (first, third) = (deliveries.texts(of: "one"), deliveries.texts(of: "three"))
      #expect(third.isSubset(of: first))
      for (text, times) in again {
        #expect(Set(times.map(\.member)).count > 1, "\(text) came twice to one member")
      }
      #expect(beforeCrash <= 40, "\(beforeCrash) of \(sent) messages came twice without a crash")
    }
    #expect(deliveries.texts.count == sent)
  }
}
