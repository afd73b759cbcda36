import ApusModel
import ApusSystem
import Testing

@testable import ApusClient

@Suite(.timeLimit(.minutes(10))) struct PushConsumerTests {
  @Test func `every message of a tag arrives once, with all that was sent`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    for number in 0..<100 {
      try await producer.send(
        Message(
          topic: "PushTags", text: "m\(number)", tag: number % 2 == 0 ? "even" : "odd", keys: ["k\(number)"],
          properties: ["n": "\(number)"], flag: Int32(number)))
    }
    let seen = Seen()
    let consumer = try client.pushConsumer(
      group: "cg", subscriptions: [Subscription("PushTags", .tags("even"))], ConsumerConfiguration.fromStart,
      listener: .concurrent { messages in
        seen.add(messages)
        return .success
      })
    try await running(client, [consumer]) {
      let found = await seen.first(50)
      #expect(Set(found.map(\.text)) == Set((0..<50).map { "m\($0 * 2)" }))
      let one = try #require(found.first { $0.text == "m42" })
      #expect(one.properties["n"] == "42")
      #expect(one.flag == 42)
      #expect(one.keys == ["k42"])
      #expect(one.topic == "PushTags")
      #expect(one.reconsumeTimes == 0)
      // What is not for this consumer is passed over too, in queues that have nothing else as well.
      try await until { consumer.progress(in: "PushTags").values.reduce(0, +) == 100 }
    }
    // The offsets were committed when it left: nothing comes again.
    let queues = try await producer.queues(of: "PushTags")
    let again = try await cluster.client()
    let late = GroupOffsets(group: "cg", runtime: again.runtime)
    var sum: Int64 = 0
    for queue in queues { sum += try await late.stored(queue) ?? 0 }
    #expect(sum == 100)
  }

  @Test func `what fails comes again, with its count, under its own topic`() async throws {
    let cluster = try Cluster(["fx-a"], [("messageDelayLevel", "1s 1s 1s 1s")])
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    let receipt = try await producer.send(Message(topic: "PushRetry", text: "stubborn"))
    let seen = Seen()
    let consumer = try client.pushConsumer(
      group: "cgr", subscriptions: [Subscription("PushRetry")], ConsumerConfiguration.fromStart,
      listener: .concurrent { messages in
        seen.add(messages)
        return messages[0].reconsumeTimes == 0 ? .retry(level: 1) : .success
      })
    try await running(client, [consumer]) {
      let found = await seen.first(2)
      try #require(found.map(\.text) == ["stubborn", "stubborn"])
      #expect(found.map(\.reconsumeTimes) == [0, 1])
      #expect(found.map(\.topic) == ["PushRetry", "PushRetry"])
      #expect(found[1].messageID == receipt.messageID)
    }
  }

  @Test func `in order, a queue waits for the message that is suspended`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    for number in 0..<20 {
      try await producer.send(Message(topic: "PushOrder", text: "\(number)")) { queues in queues[number % 2] }
    }
    let seen = Seen()
    var configuration = ConsumerConfiguration.fromStart
    configuration.suspendTime = .milliseconds(10)
    let consumer = try client.pushConsumer(
      group: "cgo", subscriptions: [Subscription("PushOrder")], configuration,
      listener: .orderly { messages in
        seen.add(messages)
        return messages[0].text == "4" && messages[0].reconsumeTimes < 2 ? .suspend() : .success
      })
    try await running(client, [consumer]) {
      let found = await seen.first(22)
      let even = found.filter { Int($0.text).map { $0 % 2 == 0 } ?? false }.map(\.text)
      #expect(even == ["0", "2", "4", "4", "4", "6", "8", "10", "12", "14", "16", "18"])
      let odd = found.filter { Int($0.text).map { $0 % 2 == 1 } ?? false }.map(\.text)
      #expect(odd == (0..<10).map { "\($0 * 2 + 1)" })
    }
  }

  @Test func `two members share the queues, and the one that stays takes over`() async throws {
    let cluster = try Cluster()
    let (first, second) = (try await cluster.client(), try await cluster.client())
    let producer = try first.producer(group: "pg")
    try await producer.send(Message(topic: "PushShare", text: "make the topic"))
    func consumer(_ client: MessageClient, _ seen: Seen) throws -> PushConsumer {
      try client.pushConsumer(
        group: "cgs", subscriptions: [Subscription("PushShare")], ConsumerConfiguration.fromStart,
        listener: .concurrent { messages in
          seen.add(messages)
          return .success
        })
    }
    let seen = Seen()
    let (one, two) = (try consumer(first, seen), try consumer(second, seen))
    try await running(first, [one]) {
      try await running(second, [two]) {
        // A member that has not heard of the other yet takes all queues, one by one: two each need not be two halves.
        func shares() -> [Set<MessageQueue>] {
          [one, two].map { Set($0.queues.filter { $0.topic == "PushShare" }) }
        }
        func areHalves(_ shares: [Set<MessageQueue>]) -> Bool {
          shares.allSatisfy { $0.count == 2 } && shares[0].isDisjoint(with: shares[1])
        }
        try await until { areHalves(shares()) }
      }
      try await until { one.queues.count { $0.topic == "PushShare" } == 4 }
      for number in 0..<8 { try await producer.send(Message(topic: "PushShare", text: "\(number)")) }
      // A message may come twice when its queue changes hands, but none may be missing.
      var missing = Set((0..<8).map { "\($0)" })
      while !missing.isEmpty {
        missing.subtract(await seen.first(1).map(\.text))
        try Task.checkCancellation()
      }
    }
  }
}
