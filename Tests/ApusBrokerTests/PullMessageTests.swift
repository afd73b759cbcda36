import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusSystem
import Foundation
import Synchronization
import Testing

@testable import ApusBroker

/// Pulls against a broker behind a port.
@Suite(.timeLimit(.minutes(10))) struct PullMessageTests {
  private static let topic = "PullTopic"

  private func send(
    _ client: RawClient, _ body: String, tags: String? = nil, queue: Int32 = 0, to topic: String = Self.topic
  ) throws {
    let fields = Fields.send(to: topic, queue: queue, properties: tags.map { "TAGS\u{1}\($0)" })
    #expect(try client.ask(.sendMessageV2, fields, body: Array(body.utf8)).responseCode == .success)
  }

  private func bodies(_ answer: Command) throws -> [String] { try TestClient.records(answer.body).map(\.body) }

  private func expect(
    _ answer: Command, _ code: ResponseCode, _ status: String, next: Int64, max: Int64,
    at location: SourceLocation = #_sourceLocation
  ) {
    #expect(answer.responseCode == code, sourceLocation: location)
    #expect(answer.remark == status, sourceLocation: location)
    #expect(answer["nextBeginOffset"] == "\(next)", sourceLocation: location)
    #expect(answer["minOffset"] == "0", sourceLocation: location)
    #expect(answer["maxOffset"] == "\(max)", sourceLocation: location)
    #expect(answer["suggestWhichBrokerId"] == "0", sourceLocation: location)
  }

  /// Parks a pull: it is under way for certain when this returns.
  private func park(_ client: RawClient, _ fields: [ReplyField]) throws -> RequestID {
    // The queue is known after the first pull, so that the second needs no other thread.
    _ = try client.ask(.pullMessage, fields.filter { $0.name != "sysFlag" } + [ReplyField("sysFlag", 4)])
    let id = client.send(.pullMessage, fields)
    let other = client.send(.getMaxOffset, Fields.queue(Self.topic))
    #expect(try client.receive()?.header.id == other)
    return id
  }

  /// What a client is answered, in its order, until the second of two more requests is answered: by then its loop has
  /// come through all that was handed to it before the first. A pull that nobody wakes is looked at every five seconds
  /// only.
  private func answers(_ client: RawClient) throws -> [Command] {
    var found: [Command] = []
    for _ in 0..<2 {
      let id = client.send(.getMaxOffset, Fields.queue(Self.topic))
      while true {
        let answer = try #require(try client.receive())
        if answer.header.id == id { break }
        found.append(answer)
      }
    }
    return found
  }

  // MARK: Statuses

  @Test(arguments: [HeaderType.json, .binary])
  func `every status has its code and its next offset`(type: HeaderType) throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    for number in 0..<5 { try send(client, "m\(number)", tags: number == 3 ? "rare" : "often") }
    func pull(_ offset: Int64, queue: Int32 = 0, expression: String = "*", max: Int64 = 32) throws -> Command {
      try client.ask(
        .pullMessage, Fields.pull(Self.topic, queue: queue, at: offset, expression: expression, max: max), type: type)
    }
    expect(try pull(0), .success, "FOUND", next: 5, max: 5)
    #expect(try bodies(pull(1, max: 2)) == ["m1", "m2"])
    expect(try pull(1, max: 2), .success, "FOUND", next: 3, max: 5)
    expect(try pull(0, max: 0), .success, "FOUND", next: 1, max: 5)
    expect(try pull(0, expression: "none"), .pullRetryImmediately, "NO_MATCHED_MESSAGE", next: 5, max: 5)
    #expect(try bodies(pull(0, expression: "none || rare")) == ["m3"])
    expect(try pull(5), .pullNotFound, "OFFSET_OVERFLOW_ONE", next: 5, max: 5)
    expect(try pull(6), .pullOffsetMoved, "OFFSET_OVERFLOW_BADLY", next: 5, max: 5)
    expect(try pull(.max), .pullOffsetMoved, "OFFSET_OVERFLOW_BADLY", next: 5, max: 5)
    expect(try pull(-1), .pullOffsetMoved, "OFFSET_TOO_SMALL", next: 0, max: 5)
    expect(try pull(0, queue: 1), .pullNotFound, "NO_MATCHED_LOGIC_QUEUE", next: 0, max: 0)
    expect(try pull(7, queue: 1), .pullOffsetMoved, "NO_MATCHED_LOGIC_QUEUE", next: 0, max: 0)
  }

  @Test func `the limits of count and bytes end a pull, and the first message is always given`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    for number in 0..<40 { try send(client, "m\(number)") }
    let many = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 0, max: 1000))
    #expect(try bodies(many).count == 32)
    #expect(many["nextBeginOffset"] == "32")
    for _ in 0..<2 { try send(client, String(repeating: "x", count: 300_000), queue: 1) }
    let large = try client.ask(.pullMessage, Fields.pull(Self.topic, queue: 1, at: 0))
    #expect(try bodies(large).count == 1)
    #expect(large["nextBeginOffset"] == "1")
  }

  @Test func `the limits of a pull may be changed by request`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    for number in 0..<40 { try send(client, "m\(number)") }
    let text = "maxTransferCountOnMessageInMemory=5\nmaxTransferCountOnMessageInDisk=5\n"
    let change = try client.ask(.updateBrokerConfig, [], body: Array(text.utf8))
    #expect(change.responseCode == .success)
    #expect(change.remark == nil)
    let few = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 0, max: 1000))
    #expect(try bodies(few).count == 5)
  }

  // MARK: Checks

  @Test func `a pull of a queue whose files cannot be read is refused and not tried without end`() throws {
    let directory = ServedBroker.newDirectory()
    do {
      let served = try ServedBroker(kept: directory)
      let client = try RawClient(port: served.port)
      try send(client, "m")
      served.stop()
    }
    let file = directory + "/consumequeue/\(Self.topic)/0/00000000000000000000"
    try FileManager.default.moveItem(atPath: file, toPath: directory + "/aside")
    try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: directory + "/nowhere")
    let served = try ServedBroker(last: directory)
    let client = try RawClient(port: served.port)
    let refused = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 0))
    #expect(refused.responseCode == .systemError)
    #expect(refused.remark?.hasPrefix("the queue cannot be opened") == true)
    try FileManager.default.removeItem(atPath: file)
    try FileManager.default.moveItem(atPath: directory + "/aside", toPath: file)
    #expect(try bodies(client.ask(.pullMessage, Fields.pull(Self.topic, at: 0))) == ["m"])
  }

  @Test func `queues and topics that are not there are told`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    try send(client, "x")
    for queue: Int32 in [-1, 4, 99, .max, .min] {
      let answer = try client.ask(.pullMessage, Fields.pull(Self.topic, queue: queue, at: 0))
      #expect(answer.responseCode == .systemError)
      #expect(answer.remark?.hasPrefix("queueId[\(queue)] is illegal, topic:[\(Self.topic)]") == true)
    }
    let unknown = try client.ask(.pullMessage, Fields.pull("Nowhere", at: 0))
    #expect(unknown.responseCode == .topicNotExist)
    #expect(unknown.remark?.hasPrefix("topic[Nowhere] not exist, apply first please!") == true)
    let writeOnly = UpdateAndCreateTopic.Request(
      topic: Self.topic, defaultTopic: "TBW102", readQueueCount: 4, writeQueueCount: 4, permission: 2,
      filter: "SINGLE_TAG")
    #expect(try client.ask(.updateAndCreateTopic, writeOnly.fields).responseCode == .success)
    let forbidden = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 0))
    #expect(forbidden.responseCode == .noPermission)
    #expect(forbidden.remark == "the topic[\(Self.topic)] pulling message is forbidden")
  }

  @Test func `groups have to be there and may be switched off`() throws {
    let served = try ServedBroker([("autoCreateSubscriptionGroup", "false")])
    let client = try RawClient(port: served.port)
    try send(client, "x")
    let missing = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 0, group: "cg", commit: 1))
    #expect(missing.responseCode == .subscriptionGroupNotExist)
    let impossible = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 0, group: "my.group"))
    #expect(impossible.responseCode == .subscriptionGroupNotExist)
    #expect(impossible.remark?.contains("illegal characters") == true)
    for (enabled, code) in [("true", ResponseCode.success), ("false", .noPermission)] {
      let config = #"{"groupName":"cg","consumeEnable":\#(enabled)}"#
      #expect(
        try client.ask(.updateAndCreateSubscriptionGroup, body: Array(config.utf8)).responseCode == .success)
      let answer = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 0, group: "cg"))
      #expect(answer.responseCode == code)
    }
  }

  @Test func `a pull without an expression takes what its group told`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    try send(client, "a", tags: "a")
    try send(client, "b", tags: "b")
    func pull(_ topic: String = Self.topic, version: Int64 = 5) throws -> Command {
      try client.ask(.pullMessage, Fields.pull(topic, at: 0, expression: nil, version: version))
    }
    #expect(try pull().responseCode == .subscriptionNotExist)
    #expect(try pull().remark == "the consumer's group info not exist")
    func heartbeat(_ model: MessageModel) throws {
      let data = HeartbeatData(
        clientID: "c@1",
        consumers: [
          ConsumerData(
            group: "cg", messageModel: model,
            subscriptions: [
              SubscriptionData(
                topic: Self.topic, expression: "b", tags: ["b"], tagCodes: [98], version: 5)
            ])
        ])
      #expect(try client.ask(.heartbeat, body: data.bytes()).responseCode == .success)
    }
    try heartbeat(.clustering)
    #expect(try bodies(pull()) == ["b"])
    #expect(try bodies(pull(version: 4)) == ["b"])
    let newer = try pull(version: 6)
    #expect(newer.responseCode == .subscriptionNotLatest)
    #expect(newer.remark == "the consumer's subscription not latest")
    try send(client, "x", to: "Other")
    let other = try pull("Other")
    #expect(other.responseCode == .subscriptionNotExist)
    #expect(other.remark == "the consumer's subscription not exist")
    // What the request says itself goes first.
    #expect(try bodies(client.ask(.pullMessage, Fields.pull(Self.topic, at: 0, expression: "a"))) == ["a"])
    let config = #"{"groupName":"cg","consumeBroadcastEnable":false}"#
    _ = try client.ask(.updateAndCreateSubscriptionGroup, body: Array(config.utf8))
    #expect(try pull().responseCode == .success)
    try heartbeat(.broadcasting)
    #expect(try pull().responseCode == .noPermission)
  }

  @Test func `tags are compared by their hash, which clients look behind`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    for tag in ["AaAa", "BBBB", "AaBB", "other"] { try send(client, tag, tags: tag) }
    try send(client, "none")
    func pull(_ expression: String) throws -> [String] {
      try bodies(client.ask(.pullMessage, Fields.pull(Self.topic, at: 0, expression: expression)))
    }
    #expect(try pull("AaAa") == ["AaAa", "BBBB", "AaBB"])
    #expect(try pull("other||BBBB") == ["AaAa", "BBBB", "AaBB", "other"])
    #expect(try pull("other") == ["other"])
    #expect(try pull("*").count == 5)
    #expect(try pull("").count == 5)
  }

  @Test func `an offset is committed with a pull that is answered, not with one that is refused`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    for _ in 0..<3 { try send(client, "x") }
    func committed() throws -> String? {
      let query = [ReplyField("consumerGroup", "cg")] + Fields.queue(Self.topic)
      return try client.ask(.queryConsumerOffset, query)["offset"]
    }
    #expect(try client.ask(.pullMessage, Fields.pull(Self.topic, at: 3, commit: 2)).responseCode == .pullNotFound)
    #expect(try committed() == "2")
    #expect(
      try client.ask(.pullMessage, Fields.pull(Self.topic, queue: 9, at: 3, commit: 3)).responseCode == .systemError)
    #expect(try client.ask(.pullMessage, Fields.pull(Self.topic, at: 3)).responseCode == .pullNotFound)
    #expect(try committed() == "2")
  }

  // MARK: Waiting

  @Test func `a waiting pull is woken by its tags and by no others`() throws {
    let served = try ServedBroker()
    let (producer, consumer) = (try RawClient(port: served.port), try RawClient(port: served.port))
    try send(producer, "before", tags: "a")
    let id = try park(consumer, Fields.pull(Self.topic, at: 1, expression: "a", wait: 300_000))
    for _ in 0..<5 { try send(producer, "b", tags: "b") }
    // The consumer's loop has seen all five, and this is the first that it says.
    let other = consumer.send(.getMaxOffset, Fields.queue(Self.topic))
    #expect(try consumer.receive()?.header.id == other)
    try send(producer, "a", tags: "a")
    let answer = try #require(try answers(consumer).first)
    #expect(answer.header.id == id)
    expect(answer, .success, "FOUND", next: 7, max: 7)
    #expect(try bodies(answer) == ["a"])
  }

  @Test(arguments: ["true", "false"]) func `a pull that waits in vain is answered with 19`(longPolling: String) throws {
    let served = try ServedBroker([("longPollingEnable", longPolling), ("shortPollingTimeMills", "150")])
    let client = try RawClient(port: served.port)
    try send(client, "x")
    let started = SystemClock.monotonic()
    let wait: Int64 = longPolling == "true" ? 150 : 60_000
    let answer = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 1, wait: wait))
    expect(answer, .pullNotFound, "OFFSET_OVERFLOW_ONE", next: 1, max: 1)
    #expect(SystemClock.monotonic() - started >= .milliseconds(150))
    let empty = try client.ask(.pullMessage, Fields.pull(Self.topic, queue: 1, at: 0, wait: wait))
    expect(empty, .pullNotFound, "NO_MATCHED_LOGIC_QUEUE", next: 0, max: 0)
  }

  @Test func `a pull that waits goes by what its group wants when it is woken`() throws {
    let served = try ServedBroker()
    let (producer, consumer) = (try RawClient(port: served.port), try RawClient(port: served.port))
    try send(producer, "before", tags: "a")
    func subscribe(to tag: String, code: Int32, version: Int64) throws {
      let subscription = SubscriptionData(
        topic: Self.topic, expression: tag, tags: [tag], tagCodes: [code], version: version)
      let data = HeartbeatData(
        clientID: "c@1", consumers: [ConsumerData(group: "cg", subscriptions: [subscription])])
      #expect(try consumer.ask(.heartbeat, body: data.bytes()).responseCode == .success)
    }
    try subscribe(to: "a", code: 97, version: 1)
    let id = try park(consumer, Fields.pull(Self.topic, at: 1, expression: nil, wait: 300_000, version: 1))
    try subscribe(to: "b", code: 98, version: 2)
    try send(producer, "b", tags: "b")
    // Woken by the tag that it came for, it would have passed over the message that the group wants now.
    try send(producer, "a", tags: "a")
    let answer = try #require(try answers(consumer).first)
    #expect(answer.header.id == id)
    #expect(answer.responseCode == .success)
    #expect(try bodies(answer) == ["b"])
  }

  @Test(arguments: ["broker", "group", "topic"])
  func `a pull that waits gets nothing any more when consumers are shut out`(by closed: String) throws {
    let served = try ServedBroker()
    let (producer, consumer) = (try RawClient(port: served.port), try RawClient(port: served.port))
    try send(producer, "before")
    let id = try park(consumer, Fields.pull(Self.topic, at: 1, wait: 300_000))
    let change =
      switch closed {
      case "broker": try producer.ask(.updateBrokerConfig, [], body: Array("brokerPermission=2\n".utf8))
      case "group":
        try producer.ask(
          .updateAndCreateSubscriptionGroup, body: Array(#"{"groupName":"cg","consumeEnable":false}"#.utf8))
      default:
        try producer.ask(
          .updateAndCreateTopic,
          [
            ReplyField("topic", Self.topic), ReplyField("readQueueNums", 4), ReplyField("writeQueueNums", 4),
            ReplyField("perm", 2),
          ])
      }
    #expect(change.responseCode == .success)
    try send(producer, "afterwards")
    let answer = try #require(try answers(consumer).first)
    #expect(answer.header.id == id)
    #expect(answer.responseCode == .noPermission)
    #expect(answer.body.isEmpty)
  }

  @Test func `a pull of a queue that has never had a message waits for its first`() throws {
    let served = try ServedBroker()
    let (producer, consumer) = (try RawClient(port: served.port), try RawClient(port: served.port))
    try send(producer, "x", queue: 1)
    let id = try park(consumer, Fields.pull(Self.topic, at: 0, wait: 300_000))
    try send(producer, "first")
    let answer = try #require(try consumer.receive())
    #expect(answer.header.id == id)
    #expect(try bodies(answer) == ["first"])
  }

  @Test func `clients that leave while they wait are forgotten`() throws {
    let served = try ServedBroker()
    let producer = try RawClient(port: served.port)
    try send(producer, "x")
    for _ in 0..<20 {
      let consumer = try RawClient(port: served.port)
      _ = try park(consumer, Fields.pull(Self.topic, at: 1, wait: 300_000))
    }
    let consumer = try RawClient(port: served.port)
    _ = try park(consumer, Fields.pull(Self.topic, at: 1, wait: 300_000))
    try send(producer, "y")
    #expect(try bodies(try #require(try consumer.receive())) == ["y"])
  }

  @Test func `a pull that waits when its topic is deleted is told so`() throws {
    let served = try ServedBroker()
    let (producer, consumer) = (try RawClient(port: served.port), try RawClient(port: served.port))
    try send(producer, "x")
    let id = try park(consumer, Fields.pull(Self.topic, at: 1, wait: 300_000))
    #expect(
      try producer.ask(.deleteTopicInBroker, [ReplyField("topic", Self.topic)]).responseCode == .success)
    let answer = try #require(try consumer.receive())
    #expect(answer.header.id == id)
    #expect(answer.responseCode == .topicNotExist)
    try send(producer, "anew")
    let anew = try consumer.ask(.pullMessage, Fields.pull(Self.topic, at: 0))
    #expect(try bodies(anew) == ["anew"])
  }

  @Test func `of many pulls that have waited no more than some are run before others on the loop`() throws {
    let served = try ServedBroker()
    let (producer, consumer) = (try RawClient(port: served.port), try RawClient(port: served.port))
    try send(producer, "x")
    let count = 300
    for _ in 0..<count { consumer.send(.pullMessage, Fields.pull(Self.topic, at: 1, wait: 300_000)) }
    let service = served.broker.service
    func parked(_ state: BrokerLoop) -> Int { state.parkedCount.load(ordering: .acquiring) }
    try Patience.wait { service.loops.contains { parked($0) == count } }
    let state = try #require(service.loops.first { parked($0) == count })
    let run = Locked(0)
    state.loop.executeAndWait {
      let before = state.traffic.totals.pullsMissed
      state.parked.releaseAll(released: &state.released)
      service.tick(on: state.loop, now: state.loop.now)
      let missed = Int(state.traffic.totals.pullsMissed - before)
      run.withLock { $0 = missed }
    }
    let handled = run.withLock { $0 }
    #expect((1...128).contains(handled))
    for _ in 0..<count { #expect(try #require(try consumer.receive()).responseCode == .pullNotFound) }
  }

  @Test func `no message is missed between looking and waiting, whichever loops they meet on`() throws {
    let served = try ServedBroker()
    let producers = try (0..<2).map { _ in try RawClient(port: served.port) }
    let consumers = try (0..<2).map { _ in try RawClient(port: served.port) }
    try send(producers[0], "first")
    for round in 1...1000 {
      for consumer in consumers {
        consumer.send(.pullMessage, Fields.pull(Self.topic, at: Int64(round), wait: 300_000))
      }
      try send(producers[round % 2], "m\(round)")
      for consumer in consumers {
        let answer = try #require(try answers(consumer).first)
        try #require(answer.responseCode == .success)
        try #require(bodies(answer) == ["m\(round)"])
      }
    }
  }
}
