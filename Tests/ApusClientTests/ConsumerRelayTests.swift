import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusClient

/// What brokers ask of consumers: driven through a broker, as tools do it.
@Suite(.timeLimit(.minutes(10))) struct ConsumerRelayTests {
  /// A consumer that runs, and a client to ask its broker with.
  private struct Scene {
    let cluster: Cluster
    let client: MessageClient
    let tool: MessageClient
    let broker: String

    init() async throws {
      // What fails does not come again while this runs.
      cluster = try Cluster(["fx-a"], [("messageDelayLevel", "1h")])
      client = try await cluster.client { $0.instanceName = "scene" }
      tool = try await cluster.client()
      broker = "127.0.0.1:\(try #require(cluster.members["fx-a"]).port)"
    }

    func ask(_ request: some OutgoingRequest) async throws -> Command {
      try await tool.runtime.ask(request, at: broker, timeout: Patience.limit)
    }

    /// Runs a consumer until `body` is done.
    func running(_ consumer: PushConsumer, _ body: () async throws -> Void) async throws {
      let client = client
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await client.run() }
        group.addTask { try await consumer.run() }
        try await body()
        group.cancelAll()
        try await group.waitForAll()
      }
    }

    /// Sends numbered messages to one queue.
    func send(_ count: Int, to topic: String) async throws -> [SendReceipt] {
      let producer = try tool.producer(group: "pg-\(topic)")
      var receipts: [SendReceipt] = []
      for number in 0..<count {
        receipts.append(
          try await producer.send(Message(topic: topic, text: "\(number)", tag: "t", keys: ["k"])) { $0[0] })
      }
      return receipts
    }
  }

  private static var fromStart: ConsumerConfiguration {
    var configuration = ConsumerConfiguration()
    configuration.start = .first
    return configuration
  }

  /// What a listener has seen, in its order.
  private final class Seen: Sendable {
    private let texts = Locked<[String]>([])

    var all: [String] { texts.withLock { $0 } }

    func add(_ messages: [ReceivedMessage]) { texts.withLock { $0 += messages.map(\.text) } }

    func wait(for count: Int) async throws { try await until { all.count >= count } }
  }

  @Test func `running information tells queues, progress, subscriptions and settings`() async throws {
    let scene = try await Scene()
    let receipts = try await scene.send(5, to: "RelayInfo")
    let seen = Seen()
    let consumer = try scene.client.pushConsumer(
      group: "cgi", subscriptions: [Subscription("RelayInfo", .tags("t || u"))], Self.fromStart,
      listener: .concurrent { messages in
        seen.add(messages)
        return .success
      })
    try await scene.running(consumer) {
      try await seen.wait(for: 5)
      // A message is done when the consumer has noted what its listener answered.
      try await until { consumer.progress(in: "RelayInfo")[receipts[0].queue] == 5 }
      let answer = try await scene.ask(
        GetConsumerRunningInfo.Request(consumerGroup: "cgi", clientID: scene.client.clientID))
      let info = try ConsumerRunningInfo(bytes: answer.body)
      #expect(info.properties["PROP_NAMESERVER_ADDR"] == scene.cluster.nameServerAddress + ";")
      #expect(info.properties["PROP_CONSUMEORDERLY"] == "false")
      #expect(info.properties["PROP_CONSUME_TYPE"] == "CONSUME_PASSIVELY")
      #expect(info.properties["consumeFromWhere"] == "CONSUME_FROM_FIRST_OFFSET")
      #expect(info.properties["allocateMessageQueueStrategy"] == "AVG")
      #expect(info.subscriptions.map(\.topic) == ["%RETRY%cgi", "RelayInfo"])
      #expect(info.subscriptions[1].tags == ["t", "u"])
      #expect(info.queues.filter { $0.queue.topic == "RelayInfo" }.count == 4)
      let queue = try #require(info.queues.first { $0.queue == receipts[0].queue })
      #expect(queue.state.commitOffset == 5)
      #expect(queue.state.cachedCount == 0)
      #expect(!queue.state.isDropped)
      let topic = try #require(info.topics.first { $0.topic == "RelayInfo" })
      #expect(topic.status.pullRate == 5.0 / 60)
      #expect(topic.status.consumeRate == 5.0 / 60)
      #expect(info.stacks == nil)
    }
  }

  @Test func `offsets that are set back are consumed from again, and those set to the end are not`() async throws {
    let scene = try await Scene()
    let receipts = try await scene.send(6, to: "RelayReset")
    let seen = Seen()
    let consumer = try scene.client.pushConsumer(
      group: "cgr", subscriptions: [Subscription("RelayReset")], Self.fromStart,
      listener: .orderly { messages in
        seen.add(messages)
        return .success
      })
    try await scene.running(consumer) {
      try await seen.wait(for: 6)
      try await until { consumer.progress(in: "RelayReset")[receipts[0].queue] == 6 }
      await consumer.commit()
      let status = try ConsumerStatusBody(
        bytes: try await scene.ask(
          InvokeBrokerToGetConsumerStatus.Request(topic: "RelayReset", group: "cgr")
        ).body)
      #expect(status.clients.map(\.id) == [scene.client.clientID])
      #expect(status.clients[0].offsets.entries.first { $0.queue == receipts[0].queue }?.offset == 6)
      _ = try await scene.ask(
        InvokeBrokerToResetOffset.Request(topic: "RelayReset", group: "cgr", timestamp: 0, isForce: true))
      try await seen.wait(for: 12)
      #expect(seen.all == (0..<2).flatMap { _ in (0..<6).map(String.init) })
      try await until { consumer.progress(in: "RelayReset")[receipts[0].queue] == 6 }
    }
  }

  @Test(arguments: [DirectConsumption.Outcome.success, .later, .failed])
  func `the listener is called with a message that a tool names`(expected: DirectConsumption.Outcome) async throws {
    struct Refused: Error {}
    let scene = try await Scene()
    let receipt = try await scene.send(1, to: "RelayDirect")[0]
    let seen = Seen()
    let consumer = try scene.client.pushConsumer(
      group: "cgd", subscriptions: [Subscription("RelayDirect")],
      listener: .concurrent { messages in
        seen.add(messages)
        switch expected {
        case .failed: throw Refused()
        case .later: return .retry()
        default: return .success
        }
      })
    try await scene.running(consumer) {
      // It comes once by itself.
      try await seen.wait(for: 1)
      let answer = try await scene.ask(
        ConsumeMessageDirectly.Request(
          consumerGroup: "cgd", clientID: scene.client.clientID, messageID: receipt.offsetMessageID))
      let result = try DirectConsumption(bytes: answer.body)
      #expect(result.outcome == expected)
      #expect(!result.isOrderly)
      #expect((result.remark == nil) == (expected != .failed))
      #expect(seen.all == ["0", "0"])
    }
  }

  @Test func `a group that is not here, and bytes that are no message, are refused with a reason`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let relays = ConsumerRelays(consumer: { _ in nil }, log: client.runtime.log)
    let requests = BrokerRequests()
    relays.register(with: requests)
    for code in [RequestCode.getConsumerRunningInfo, .consumeMessageDirectly] {
      let reply = try #require(await requests.answer(code, ["consumerGroup": "nobody"]))
      #expect(reply.code == .systemError)
      #expect(reply.remark == "The Consumer Group <nobody> not exist in this consumer")
    }
    let consumer = try client.pushConsumer(
      group: "cgx", subscriptions: [Subscription("T")], listener: .concurrent { _ in .success })
    ConsumerRelays(consumer: { _ in consumer }, log: client.runtime.log).register(with: requests)
    for body in [[], [1, 2, 3], [UInt8](repeating: 0xFF, count: 200)] as [[UInt8]] {
      let reply = try #require(
        await requests.answer(.consumeMessageDirectly, ["consumerGroup": "cgx"], body: body))
      #expect(reply.code == .systemError)
      #expect(await requests.answer(.resetConsumerClientOffset, ["group": "cgx", "topic": "T"], body: body) == nil)
    }
  }

  @Test func `what the application takes long over holds up nothing that the client does by itself`() async throws {
    let requests = BrokerRequests()
    let begun = Locked(0)
    requests.serve(.consumeMessageDirectly) { _, _ in
      begun.withLock { $0 += 1 }
      // Never done.
      await PendingAnswer<Void>().value(ifCancelled: ())
      return nil
    }
    requests.serve(.getConsumerRunningInfo) { _, _ in Reply() }
    let server = try ServerLoop(index: 212, name: "test-asked")
    defer { server.stop() }
    let address = try server.start(requests)
    let client = try MessageClient(.patient())
    let direct = ConsumeMessageDirectly.Request(consumerGroup: "g", clientID: "c", messageID: "m")
    let info = GetConsumerRunningInfo.Request(consumerGroup: "g", clientID: "c")
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await requests.run() }
      for _ in 0..<17 {
        group.addTask { _ = try await client.runtime.askAny(direct, at: address, timeout: Patience.limit) }
      }
      // The last one waits for its turn.
      try await until { begun.withLock { $0 } == 16 }
      #expect(try await client.runtime.askAny(info, at: address, timeout: Patience.limit).responseCode == .success)
      group.cancelAll()
    }
  }

  @Test func `a request that does not fit beside those that wait is refused at once`() async throws {
    let requests = BrokerRequests(byteLimit: 3000)
    requests.serve(.getConsumerRunningInfo) { _, _ in Reply() }
    let server = try ServerLoop(index: 211, name: "test-asked")
    defer { server.stop() }
    let address = try server.start(requests)
    let client = try MessageClient(.patient())
    let request = GetConsumerRunningInfo.Request(consumerGroup: String(repeating: "g", count: 2000), clientID: "c")
    let answers = try await withThrowingTaskGroup(of: Command?.self) { group in
      for _ in 0..<2 {
        group.addTask { try await client.runtime.askAny(request, at: address, timeout: Patience.limit) }
      }
      // Nobody handles requests yet: whichever came second is answered.
      var answers: [Command?] = [try await group.next() ?? nil]
      group.addTask {
        await requests.run()
        return nil
      }
      answers.append(try await group.next() ?? nil)
      group.cancelAll()
      return answers.compactMap { $0 }
    }
    #expect(answers.map(\.responseCode) == [.systemBusy, .success])
    #expect(answers.first?.remark == "too many requests wait for this client: they may take 3000 bytes together")
  }
}

extension BrokerRequests {
  /// What a handler answers to a request.
  func answer(_ code: RequestCode, _ fields: [String: String], body: [UInt8] = []) async -> Reply? {
    var output = ByteWriter()
    var writer = RequestWriter.begin(code, id: RequestID(1), into: &output)
    for (name, value) in fields { writer.field(named: name, value, into: &output) }
    writer.finish(body: body, into: &output)
    do {
      return await handler(of: code)?(try Command(frame: output.bytes), HostAddress(ipv4: 0x7F00_0001, port: 10911))
    } catch {
      return nil
    }
  }
}
