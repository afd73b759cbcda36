import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem
import Foundation
import Testing

@testable import ApusClient

/// What becomes of requests when tasks, brokers or clients go.
@Suite(.timeLimit(.minutes(10))) struct LifecycleTests {
  @Test func `a client may be let go by its own loop`() async throws {
    let mute = try MuteServer()
    let port = try #require(mute.address.split(separator: ":").last.flatMap { UInt16($0) })
    weak var last: ClientRuntime?
    do {
      let runtime = try MessageClient(ClientConfiguration(nameServers: [mute.address])).runtime
      last = runtime
      // The call runs out of time, and what it would have told is the last to hold the client.
      runtime.remoting.call(.loopback(port: port), .heartbeat, timeout: .milliseconds(1)) { _ in _ = runtime }
    }
    try await until { last == nil }
    mute.stop()
  }

  @Test func `a client of transactions goes when nobody needs it any more`() async throws {
    weak var last: ClientRuntime?
    do {
      let client = try MessageClient(ClientConfiguration(nameServers: ["127.0.0.1:1"]))
      _ = try client.transactionProducer(group: "pg") { _ in .unknown }
      last = client.runtime
    }
    try await until { last == nil }
  }

  /// How many calls of a client wait for an answer.
  private func outstanding(_ client: MessageClient) async -> Int {
    await withCheckedContinuation { continuation in
      client.runtime.remoting.countCalls { continuation.resume(returning: $0) }
    }
  }

  @Test func `cancelled sends leave no request behind`() async throws {
    let server = try MuteServer()
    let client = try MessageClient(ClientConfiguration.patient([server.address]))
    let producer = try client.producer(group: "pg")
    try await withThrowingTaskGroup(of: ClientError.Code?.self) { group in
      for number in 0..<200 {
        group.addTask {
          do throws(ClientError) {
            try await producer.send(Message(topic: "T", text: "\(number)"))
            return nil
          } catch {
            return error.code
          }
        }
      }
      try await until { server.asked.withLock { $0 } == 200 }
      #expect(await outstanding(client) == 200)
      group.cancelAll()
      for try await code in group { #expect(code == .cancelled) }
    }
    try await until { await outstanding(client) == 0 }
    server.stop()
  }

  @Test func `a send that is cancelled does not make its broker a slow one`() async throws {
    let server = try MuteServer()
    var configuration = ProducerConfiguration.patient
    configuration.avoidsSlowBrokers = true
    let client = try MessageClient(ClientConfiguration.patient([server.address]))
    let producer = try client.producer(group: "pg", configuration)
    let sending = Task { try await producer.send(Message(topic: "T", text: "x")) }
    try await until { server.asked.withLock { $0 } == 1 }
    sending.cancel()
    await #expect(throws: ClientError(.cancelled, "")) { try await sending.value }
    let faults = try #require(producer.faults)
    #expect(faults.withLock { $0.isAvailable("mute", now: SystemClock.monotonic()) })
    server.stop()
  }

  @Test func `a pull that nobody waits for any more is forgotten`() async throws {
    let server = try MuteServer()
    let client = try MessageClient(ClientConfiguration.patient([server.address]))
    let queue = MessageQueue(topic: "T", brokerName: "mute", queueID: 0)
    let work = QueueWork(queue, from: 0)
    let puller = QueuePuller(
      group: "cg", runtime: client.runtime, subscription: nil, batchSize: 1,
      meter: ConsumeMeter(group: "cg", metrics: nil),
      limits: { ProcessQueue.Limits(count: 10, bytes: 1000, span: nil) }, came: { _, _ in }, moved: { _, _ in })
    let task = Task { await puller.run(work) }
    try await until { server.asked.withLock { $0 } > 0 }
    work.drop()
    await task.value
    try await until { await outstanding(client) == 0 }
    server.stop()
  }

  @Test func `what was pulled before the application went elsewhere does not lead it back`() {
    let work = QueueWork(MessageQueue(topic: "T", brokerName: "mute", queueID: 0), from: 7)
    work.reset(to: 100)
    #expect(!work.beginPull(PendingAnswer(), from: 7))
    #expect(!work.put([], from: 7, nextOffset: 39))
    #expect(work.nextOffset == 100 && work.consumed == 100)
    #expect(work.put([], from: 100, nextOffset: 101))
    work.drop()
    #expect(!work.put([], from: 101, nextOffset: 102))
  }

  @Test func `what is committed while a queue goes on elsewhere does not lead it back`() {
    let work = QueueWork(MessageQueue(topic: "T", brokerName: "mute", queueID: 0), from: 100)
    #expect(work.due(isLast: false) == 100)
    work.reset(to: 5)
    // The broker has taken what it was told before.
    work.committed(100)
    #expect(work.due(isLast: false) == 5)
    work.committed(5)
    #expect(work.due(isLast: false) == nil)
    // A correction of an offset comes too late for an application that went elsewhere.
    work.reset(to: 7, from: 100)
    #expect(work.nextOffset == 5)
    work.reset(to: 7, from: 5)
    work.drop()
    #expect(work.due(isLast: false) == nil)
    #expect(work.due(isLast: true) == 7)
  }

  @Test func `messages in hand outlive the cleaning of what follows them`() async throws {
    let server = try MuteServer { code, before in
      guard code == .pullMessage, before == 0 else { return nil }
      let offsets = [("nextBeginOffset", 50), ("minOffset", 50), ("maxOffset", 60), ("suggestWhichBrokerId", 0)]
      return Reply(.pullOffsetMoved, fields: offsets.map { ReplyField($0.0, Int64($0.1)) })
    }
    let client = try MessageClient(ClientConfiguration.patient([server.address]))
    let work = QueueWork(MessageQueue(topic: "T", brokerName: "mute", queueID: 0), from: 7)
    let inHand = try ReceivedMessage.sample(queueOffset: 7)
    #expect(work.put([inHand], from: 7, nextOffset: 8))
    let puller = QueuePuller(
      group: "cg", runtime: client.runtime, subscription: nil, batchSize: 1,
      meter: ConsumeMeter(group: "cg", metrics: nil),
      limits: { ProcessQueue.Limits(count: 10, bytes: 1000, span: nil) }, came: { _, _ in },
      moved: { _, _ in Issue.record("the queue goes on behind what is in hand") })
    let task = Task { await puller.run(work) }
    try await until { server.asked.withLock { $0 } >= 2 }
    #expect(work.nextOffset == 50 && work.consumed == 7)
    work.finish(work.take(1))
    #expect(work.consumed == 50)
    work.drop()
    await task.value
    server.stop()
  }

  @Test func `after a slave that cannot be reached the master is asked again`() async throws {
    let unused = try UnusedPort()
    defer { withExtendedLifetime(unused) {} }
    let server = try MuteServer(slave: unused.address) { code, before in
      guard code == .pullMessage, before == 0 else { return nil }
      return Reply(
        .pullNotFound,
        fields: [
          ReplyField("nextBeginOffset", 0), ReplyField("minOffset", 0), ReplyField("maxOffset", 0),
          ReplyField("suggestWhichBrokerId", 1),
        ])
    }
    var configuration = ClientConfiguration.patient([server.address])
    configuration.pullDelayAfterError = .milliseconds(1)
    let client = try MessageClient(configuration, log: Logger(level: .error))
    let work = QueueWork(MessageQueue(topic: "T", brokerName: "mute", queueID: 0), from: 0)
    let puller = QueuePuller(
      group: "cg", runtime: client.runtime, subscription: nil, batchSize: 1,
      meter: ConsumeMeter(group: "cg", metrics: nil),
      limits: { ProcessQueue.Limits(count: 10, bytes: 1000, span: nil) }, came: { _, _ in }, moved: { _, _ in })
    let task = Task { await puller.run(work) }
    try await until { server.asked.withLock { $0 } >= 2 }
    work.drop()
    await task.value
    server.stop()
  }

  @Test func `a broker that does not answer leaves a queue its lock, one that refuses takes it`() async throws {
    let server = try MuteServer(hangsUp: true) { code, before in
      code == .lockBatchMessageQueue && before > 0 ? Reply(body: LockResponseBody([]).bytes()) : nil
    }
    let client = try MessageClient(
      ClientConfiguration.patient([server.address]), log: Logger(level: .error))
    let consumer = try client.pushConsumer(
      group: "cg", subscriptions: [Subscription("T")], listener: .orderly { _ in .success })
    let work = QueueWork(MessageQueue(topic: "T", brokerName: "mute", queueID: 0), from: 0)
    work.locked(until: SystemClock.monotonic() + .seconds(3600))
    consumer.add(work)
    await consumer.renewLocks()
    #expect(work.isLocked(now: SystemClock.monotonic()))
    await consumer.renewLocks()
    #expect(!work.isLocked(now: SystemClock.monotonic()))
    #expect(server.asked.withLock { $0 } == 2)
    server.stop()
  }

  @Test(arguments: [RequestCode.queryConsumerOffset, .lockBatchMessageQueue])
  func `a broker that does not answer is asked about one of its queues, and not about each`(unanswered: RequestCode)
    async throws
  {
    let (codes, id) = (Locked<[RequestCode]>([]), "127.0.0.1@silent")
    let server = try MuteServer(hangsUp: true, queueCount: 8) { code, _ in
      codes.withLock { $0.append(code) }
      return code == .getConsumerListByGroup ? Reply(body: ConsumerIDList([id]).bytes()) : nil
    }
    var configuration = ClientConfiguration.patient([server.address])
    configuration.clientIP = "127.0.0.1"
    configuration.instanceName = "silent"
    let client = try MessageClient(configuration, log: Logger(level: .error))
    let listener: ApusClient.Listener =
      unanswered == .queryConsumerOffset ? .concurrent { _ in .success } : .orderly { _ in .success }
    let consumer = try client.pushConsumer(group: "cg", subscriptions: [Subscription("T")], listener: listener)
    #expect(try await consumer.share.queues(of: "T").count == 8)
    #expect(await consumer.rebalance("T").isEmpty)
    #expect(codes.withLock { $0 } == [.getConsumerListByGroup, .getConsumerListByGroup, unanswered])
    server.stop()
  }

  @Test func `a broker that does not answer is told once that queues are given up`() async throws {
    let codes = Locked<[RequestCode]>([])
    let server = try MuteServer(hangsUp: true, queueCount: 8) { code, _ in
      codes.withLock { $0.append(code) }
      return nil
    }
    let client = try MessageClient(.patient([server.address]), log: Logger(level: .error))
    _ = try await client.runtime.routes.route("T")
    let consumer = try client.pushConsumer(
      group: "cg", subscriptions: [Subscription("T")], listener: .orderly { _ in .success })
    for number in 0..<8 {
      consumer.add(QueueWork(MessageQueue(topic: "T", brokerName: "mute", queueID: Int32(number)), from: 0))
    }
    await consumer.remove(consumer.allWork)
    #expect(consumer.allWork.isEmpty)
    #expect(codes.withLock { $0 } == [.updateConsumerOffset, .unlockBatchMessageQueue])
    server.stop()
  }

  @Test func `a lock lasts for lockMaxLiveTime from when the broker was asked`() async throws {
    let queue = MessageQueue(topic: "T", brokerName: "mute", queueID: 0)
    let server = try MuteServer { code, _ in
      code == .lockBatchMessageQueue ? Reply(body: LockResponseBody([queue]).bytes()) : nil
    }
    let client = try MessageClient(
      ClientConfiguration.patient([server.address]), log: Logger(level: .error))
    var configuration = ConsumerConfiguration()
    configuration.lockMaxLiveTime = .seconds(50)
    let consumer = try client.pushConsumer(
      group: "cg", subscriptions: [Subscription("T")], configuration, listener: .orderly { _ in .success })
    let work = QueueWork(queue, from: 0)
    consumer.add(work)
    let before = SystemClock.monotonic()
    await consumer.renewLocks()
    let after = SystemClock.monotonic()
    #expect(work.isLocked(now: before + .seconds(49)))
    #expect(!work.isLocked(now: after + .seconds(50)))
    server.stop()
  }

  @Test func `a consumer that brokers are told the end of is in no heartbeat any more`() async throws {
    // The broker says nothing until it is stopped.
    let server = try MuteServer()
    let client = try MessageClient(ClientConfiguration.patient([server.address]), log: Logger(level: .error))
    _ = try await client.runtime.routes.route("T")
    let consumer = try client.pushConsumer(
      group: "cg", subscriptions: [Subscription("T")], listener: .concurrent { _ in .success })
    try client.join("cg", consumer)
    let leaving = Task { await client.leave("cg") }
    try await until { server.asked.withLock { $0 } == 1 }
    await client.heartbeat()
    #expect(server.asked.withLock { $0 } == 1)
    // Not before it has left.
    #expect(throws: ClientError(.invalidArgument, "")) { try client.join("cg", consumer) }
    server.stop()
    await leaving.value
    try client.join("cg", consumer)
  }

  @Test func `a broker that does not know the subscription is told of it at once`() async throws {
    let codes = Locked<[RequestCode]>([])
    let server = try MuteServer { code, _ in
      codes.withLock { $0.append(code) }
      return code == .pullMessage ? Reply(.subscriptionNotExist) : Reply()
    }
    var configuration = ClientConfiguration.patient([server.address])
    configuration.pullDelayAfterError = .milliseconds(1)
    let client = try MessageClient(configuration, log: Logger(level: .error))
    _ = try await client.runtime.routes.route("T")
    let consumer = try client.pushConsumer(
      group: "cg", subscriptions: [Subscription("T")], listener: .concurrent { _ in .success })
    try client.join("cg", consumer)
    let work = QueueWork(MessageQueue(topic: "T", brokerName: "mute", queueID: 0), from: 0)
    let task = Task { await consumer.pull(work, ConsumeJobs(client.runtime.loop)) }
    try await until { codes.withLock { $0.count } >= 2 }
    work.drop()
    await task.value
    #expect(codes.withLock { Array($0.prefix(2)) } == [.pullMessage, .heartbeat])
    server.stop()
  }

  @Test func `only a broker that took a heartbeat counts as one that knows the client`() async throws {
    let server = try MuteServer(hangsUp: true) { code, before in code == .heartbeat && before > 0 ? Reply() : nil }
    let client = try MessageClient(
      ClientConfiguration.patient([server.address]), log: Logger(level: .error))
    let producer = try client.producer(group: "asker")
    #expect(try await producer.queues(of: "T").count == 1)
    for expected in [1, 2, 2] {
      await client.introduce()
      #expect(server.asked.withLock { $0 } == expected)
    }
    server.stop()
  }

  @Test func `a broker to which the connection was lost does not know the client any more`() async throws {
    let server = try MuteServer(hangsUp: true) { code, _ in code == .heartbeat ? Reply() : nil }
    let client = try MessageClient(
      ClientConfiguration.patient([server.address]), log: Logger(level: .error))
    let queue = try #require(try await client.producer(group: "asker").queues(of: "T").first)
    for _ in 0..<2 { await client.introduce() }
    #expect(server.asked.withLock { $0 } == 1)
    await #expect(throws: ClientError(.connectionLost, "")) { try await client.runtime.maxOffset(of: queue) }
    // The client hears of the lost connection in its own time.
    try await until {
      await client.introduce()
      return server.asked.withLock { $0 } == 3
    }
    server.stop()
  }

  @Test func `a borrowed route does not take the place of the topic's own`() async throws {
    func route(queueCount: Int32) -> TopicRouteData {
      TopicRouteData(
        queues: [
          QueueData(
            brokerName: "b", readQueueCount: queueCount, writeQueueCount: queueCount, permission: [.read, .write])
        ], brokers: [BrokerData(cluster: "c", brokerName: "b", addresses: [0: "127.0.0.1:1"])])
    }
    let found = route(queueCount: 2)
    let (own, borrowed) = try (TopicRoute(topic: "T", found), TopicRoute(topic: "T", route(queueCount: 8)))
    let routes = Routes { _ in found }
    #expect(routes.adopt(borrowed, for: "T") == borrowed)
    #expect(try await routes.refresh("T") == own)
    #expect(routes.adopt(borrowed, for: "T") == own)
    #expect(routes.known("T") == own)
  }

  @Test func `a oneway send ends by its deadline, also while TLS is agreed on`() async throws {
    // Connections are taken, and nothing is read from them.
    let listener = try Socket.listen(on: .loopback(port: 0))
    defer { Socket.close(listener) }
    var configuration = ClientConfiguration(nameServers: ["127.0.0.1:1"])
    configuration.tls = TLSConfiguration(trust: .anyone)
    configuration.connectTimeout = .seconds(600)
    configuration.requestTimeout = .seconds(600)
    let producer = try MessageClient(configuration).producer(group: "pg")
    let message = try producer.prepare(Message(topic: "T", text: "x"))
    let broker = "127.0.0.1:\(try Socket.localAddress(listener).port)"
    await #expect(throws: ClientError(.timedOut, "")) {
      try await producer.sender.sendOneway(
        message, to: MessageQueue(topic: "T", brokerName: "b", queueID: 0), at: broker,
        by: SystemClock.monotonic() + .milliseconds(50))
    }
  }

  @Test func `an end in the middle of everything is no warning`() async throws {
    let server = try MuteServer { code, _ in code == .unregisterClient ? Reply() : nil }
    let path = NSTemporaryDirectory() + "apus-client-log-" + UUID().uuidString
    let client = try MessageClient(.patient([server.address]), log: try Logger(path: path, level: .warning))
    let push = try client.pushConsumer(
      group: "cg", subscriptions: [Subscription("T")], listener: .orderly { _ in .success })
    let pull = try client.pullConsumer(group: "cg2", subscriptions: [Subscription("T")])
    try await running(client, [push, pull]) {
      // Both wait for the list of their group's members, and a heartbeat is not answered either.
      try await until { server.asked.withLock { $0 } >= 3 }
    }
    server.stop()
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "")
    try FileManager.default.removeItem(atPath: path)
  }

  @Test func `a call ends by its deadline, also before there is a connection`() async throws {
    let server = try MuteServer()
    let client = try MessageClient(ClientConfiguration.patient([server.address]))
    let producer = try client.producer(group: "pg")
    for _ in 0..<2 {
      await #expect(throws: ClientError(.timedOut, "")) {
        try await producer.send(Message(topic: "T", text: "x"), timeout: .milliseconds(50))
      }
    }
    try await until { await outstanding(client) == 0 }
    server.stop()
  }

  @Test func `a message that is stored but not safe counts as sent when no other try does better`() async throws {
    // Who is asked again hangs up.
    let server = try MuteServer(hangsUp: true) { _, before in
      let fields = [ReplyField("msgId", "id"), ReplyField("queueId", 0), ReplyField("queueOffset", 7)]
      return before == 0 ? Reply(.flushDiskTimeout, fields: fields) : nil
    }
    var configuration = ProducerConfiguration.patient
    configuration.retriesWhenNotStored = true
    let client = try MessageClient(ClientConfiguration.patient([server.address]))
    let producer = try client.producer(group: "pg", configuration)
    let receipt = try await producer.send(Message(topic: "T", text: "x"))
    #expect(receipt.status == .flushTimedOut && receipt.queueOffset == 7)
    #expect(server.asked.withLock { $0 } == 3)
    server.stop()
  }

  @Test func `a send ends by its deadline, also while a name server is asked for the route`() async throws {
    // Connections are taken, and nothing is read from them.
    let listener = try Socket.listen(on: .loopback(port: 0))
    defer { Socket.close(listener) }
    var configuration = ClientConfiguration(nameServers: ["127.0.0.1:\(try Socket.localAddress(listener).port)"])
    configuration.requestTimeout = .seconds(10)
    let producer = try MessageClient(configuration).producer(group: "pg")
    let message = Message(topic: "T", text: "x")
    await #expect(throws: ClientError(.timedOut, "")) {
      try await producer.send(message, timeout: .milliseconds(50))
    }
    await #expect(throws: ClientError(.timedOut, "")) {
      try await producer.send(message, by: .random, timeout: .milliseconds(50))
    }
    await #expect(throws: ClientError(.timedOut, "")) {
      let queue = MessageQueue(topic: "T", brokerName: "b", queueID: 0)
      try await producer.send(message, to: queue, timeout: .milliseconds(50))
    }
  }

  @Test func `a broker that goes mid-send is told apart from one that was never there`() async throws {
    let server = try MuteServer(hangsUp: true)
    let client = try MessageClient(ClientConfiguration.patient([server.address]))
    let producer = try client.producer(group: "pg")
    do throws(ClientError) {
      try await producer.send(Message(topic: "T", text: "x"))
      Issue.record("nobody can have taken the message")
    } catch {
      #expect(error.code == .connectionLost)
      #expect(error.attempts.count == 2)
      #expect(error.server == server.address)
    }
    #expect(server.asked.withLock { $0 } == 3)
    server.stop()
    do throws(ClientError) {
      try await producer.send(Message(topic: "T", text: "x"))
      Issue.record("nobody can have taken the message")
    } catch {
      #expect(error.code == .unreachable)
    }
  }

  @Test func `a client that has been shut down says so`() async throws {
    let codes = Locked<[RequestCode]>([])
    let server = try MuteServer { code, _ in
      codes.withLock { $0.append(code) }
      return Reply()
    }
    let client = try MessageClient(ClientConfiguration.patient([server.address]))
    let producer = try client.producer(group: "pg")
    #expect(try await producer.queues(of: "T").count == 1)
    try await running(client) {}
    for topic in ["T", "NeverHeardOf"] {
      await #expect(throws: ClientError(.closed, "")) { try await producer.send(Message(topic: topic, text: "x")) }
    }
    let consumer = try client.pullConsumer(group: "cg", subscriptions: [Subscription("T")])
    await #expect(throws: ClientError(.closed, "")) { try await consumer.run() }
    // The first heartbeat is due a second after the start, which may have passed before the end.
    #expect(codes.withLock { $0.filter { $0 != .heartbeat } } == [.unregisterClient])
    server.stop()
  }

  @Test(arguments: [true, false]) func `a consumer ends with its client`(isPush: Bool) async throws {
    let server = try MuteServer { _, _ in Reply() }
    let client = try MessageClient(ClientConfiguration.patient([server.address]), log: Logger(level: .error))
    let subscriptions = [Subscription("T")]
    let consumer: any Runnable =
      isPush
      ? try client.pushConsumer(group: "cg", subscriptions: subscriptions, listener: .concurrent { _ in .success })
      : try client.pullConsumer(group: "cg", subscriptions: subscriptions)
    let consuming = Task { try await consumer.run() }
    let running = Task { try await client.run() }
    // It has joined its group, and asks for the members.
    try await until { server.asked.withLock { $0 } > 0 }
    running.cancel()
    try await running.value
    try await consuming.value
    server.stop()
  }

  @Test func `at the end brokers are told of all groups at once`() async throws {
    let ends = Locked(0)
    // It answers nothing until it is stopped.
    let server = try MuteServer { code, _ in
      if code == .unregisterClient { ends.withLock { $0 += 1 } }
      return nil
    }
    let client = try MessageClient(ClientConfiguration.patient([server.address]), log: Logger(level: .error))
    _ = try await client.runtime.routes.route("T")
    for number in 0..<3 { _ = try client.producer(group: "pg\(number)") }
    let running = Task { try await client.run() }
    running.cancel()
    try await until { ends.withLock { $0 } == 3 }
    server.stop()
    try await running.value
  }

  @Test func `a broker that comes back is sent to again`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    let first = try await producer.send(Message(topic: "Back", text: "1"))
    try cluster.stop("fx-a")
    await #expect(throws: ClientError.self) {
      try await producer.send(Message(topic: "Back", text: "lost"), to: first.queue, timeout: .seconds(1))
    }
    try cluster.start("fx-a")
    _ = try await cluster.client()
    // The topic stands in the registration that this waited for.
    try await client.runtime.routes.refresh("Back")
    let again = try await producer.send(Message(topic: "Back", text: "2"), to: first.queue)
    #expect(again.queueOffset == first.queueOffset + 1)
  }

  @Test func `refusals have codes of their own, and say what to do`() async throws {
    let cluster = try Cluster(
      ["fx-a"],
      [("maxMessageSize", "1000"), ("autoCreateTopicEnable", "false"), ("autoCreateSubscriptionGroup", "true")])
    let client = try MessageClient(ClientConfiguration.patient([cluster.nameServerAddress]))
    let producer = try client.producer(group: "pg")
    await expect(.unknownTopic, advice: true) { () async throws(ClientError) in
      try await producer.send(Message(topic: "Nobody", text: "x"))
    }
    await expect(.invalidArgument, advice: false) { () async throws(ClientError) in
      let wrong = try MessageClient(ClientConfiguration(nameServers: ["nothing"])).producer(group: "pg")
      do throws(ClientError) {
        try await wrong.send(Message(topic: "T", text: "x"))
      } catch {
        #expect(error.attempts[0].contains("host:port"))
        throw ClientError(.invalidArgument, error.message)
      }
    }
    let open = try Cluster(["fx-b"], [("maxMessageSize", "1000")])
    let sender = try await open.client().producer(group: "pg")
    await expect(.messageTooLarge, advice: true) { () async throws(ClientError) in
      try await sender.send(Message(topic: "Large", body: [UInt8](repeating: 1, count: 1001)))
    }
    await expect(.refused, advice: false) { () async throws(ClientError) in
      try await sender.send(Message(topic: "Late", text: "x", delivery: .after(.seconds(961 * 3600))))
    }
  }

  @Test(arguments: [
    ("the message body has 9 bytes, maxMessageSize allows 8", true),
    ("the properties take 40000 bytes, at most 32767 fit", true),
    (
      "the message is illegal, maybe msg body or properties length not matched. msg body length limit 128k, msg "
        + "properties length limit 32k.", true
    ),
    ("timer message illegal, TIMER_DELAY_SEC=9 is later than timerMaxDelaySec=8 allows", false),
    ("malformed batch: it ends early", false),
  ])
  func `an illegal message is too large only where the broker says so`(remark: String, isTooLarge: Bool) {
    let error = ClientError(.messageIllegal, remark: remark, server: "h:1")
    #expect(error.code == (isTooLarge ? .messageTooLarge : .refused))
    #expect((error.advice != nil) == isTooLarge)
  }

  @Test func `a condition that a busy broker does not look at keeps no consumer from its start`() async throws {
    let server = try MuteServer { code, _ in Reply(code == .checkClientConfig ? .systemBusy : .success) }
    let client = try MessageClient(ClientConfiguration.patient([server.address]), log: Logger(level: .error))
    try await client.check([Subscription("T", .sql("n > 3")).data(topic: "T", version: 1)], of: "cg")
    #expect(server.asked.withLock { $0 } == 1)
    server.stop()
  }

  @Test func `a condition that cannot be read ends the consumer's run`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    try await client.producer(group: "pg").send(Message(topic: "Conditions", text: "x"))
    let consumer = try client.pushConsumer(
      group: "cg", subscriptions: [Subscription("Conditions", .sql("n > "))], listener: .concurrent { _ in .success })
    await expect(.badExpression, advice: true) { () async throws(ClientError) in try await consumer.run() }
    let right = try client.pullConsumer(group: "cg2", subscriptions: [Subscription("Conditions", .sql("n > 3"))])
    let running = Task { try await right.run() }
    try await until { await right.poll(timeout: .milliseconds(1)) != nil }
    running.cancel()
    try await running.value
  }

  @Test func `a consumer runs once`() async throws {
    let server = try MuteServer { _, _ in Reply() }
    let client = try MessageClient(ClientConfiguration.patient([server.address]), log: Logger(level: .error))
    let consumers: [any Runnable] = [
      try client.pushConsumer(group: "cg", subscriptions: [Subscription("T")], listener: .concurrent { _ in .success }),
      try client.pullConsumer(group: "cg2"),
    ]
    for consumer in consumers {
      let running = Task { try await consumer.run() }
      running.cancel()
      try await running.value
      await expect(.invalidArgument, advice: true) { () async throws(ClientError) in try await consumer.run() }
    }
    server.stop()
  }

  private func expect<Result>(
    _ code: ClientError.Code, advice: Bool, _ body: () async throws(ClientError) -> Result
  ) async {
    do throws(ClientError) {
      _ = try await body()
      Issue.record("expected \(code)")
    } catch {
      #expect(error.code == code, "\(error)")
      if advice { #expect(error.advice != nil) }
    }
  }
}
