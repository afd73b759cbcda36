import ApusBase
import ApusBench
import ApusClient
import ApusSystem

/// What `apus bench sdk-…` does with the client library.
enum SDKBenchMode: String, CaseIterable, Sendable {
  /// Sends of one producer: so many under way at once, or as many a second as a rate says.
  case send = "sdk-send"
  /// A push consumer that drains a topic from its start.
  case pull = "sdk-pull"
  /// From a send to the listener's call.
  case endToEnd = "sdk-e2e"
}

/// A load that is made by the client library, and what it costs this process.
struct SDKLoad: Sendable {
  let mode: SDKBenchMode
  let nameServers: [String]
  var topic = "apus-bench"
  var group = "apus-bench"
  var queues: Int32 = 8
  /// How many sends are under way at once.
  var window = 256
  var bodyBytes = 128
  /// How many messages the listener is given at once.
  var batch = 32
  /// Messages a second, each sent when it is due whatever became of those before; nil sends as answers come. A pull
  /// has none, `sdk-e2e` always one.
  var rate: Double?
  var warmUp = Duration.seconds(2)
  var duration = Duration.seconds(10)

  /// What was counted between the end of the warm-up and the end of the load.
  struct Result: Sendable {
    var messages: UInt64 = 0
    /// From the moment that a send was due, as all loads measure, in nanoseconds.
    var latencies = Histogram()
    /// Of `sdk-e2e`: from the call of send, which is later by what this process's timer and its tasks take.
    var latenciesFromCall = Histogram()
    var elapsed = Duration.zero
    var cpu = Duration.zero
    var anonymousBytes: Int64 = 0
  }

  /// A load with the defaults of its mode.
  init(mode: SDKBenchMode, nameServers: [String]) {
    self.mode = mode
    self.nameServers = nameServers
    if mode == .endToEnd { rate = 1000 }
  }

  /// Makes the load and measures it.
  func run() async throws(ClientError) -> Result {
    var configuration = ClientConfiguration(nameServers: nameServers)
    configuration.headerFormat = .binary
    let client = try MessageClient(configuration)
    switch mode {
    case .send: return try await send(with: client)
    case .pull: return try await consume(with: client)
    case .endToEnd: return try await exchange(with: client)
    }
  }

  private func producer(of client: MessageClient) throws(ClientError) -> Producer {
    var settings = ProducerConfiguration()
    settings.defaultTopicQueueCount = queues
    settings.inFlightLimit = window
    return try client.producer(group: group, settings)
  }

  // MARK: Sending

  private func send(with client: MessageClient) async throws(ClientError) -> Result {
    let producer = try producer(of: client)
    let executor = client.executor
    let message = Message(topic: topic, body: [UInt8](repeating: UInt8(ascii: "x"), count: bodyBytes))
    try await producer.send(message)
    let begin = SystemClock.monotonic() + warmUp
    let end = begin + duration
    async let usage = usage(from: begin, to: end)
    var result = Result()
    if let rate {
      result.latencies = try await sendPaced(message, by: producer, at: rate, on: executor, begin, end)
    } else {
      result.latencies = try await sendAnswered(message, by: producer, on: executor, begin, end)
    }
    result.messages = result.latencies.count
    let used = await usage
    (result.elapsed, result.cpu, result.anonymousBytes) = (duration, used.cpu, used.anonymousBytes)
    return result
  }

  /// Sends as answers come, `window` at once.
  private func sendAnswered(
    _ message: Message, by producer: Producer, on executor: any TaskExecutor, _ begin: MonotonicTime,
    _ end: MonotonicTime
  ) async throws(ClientError) -> Histogram {
    var latencies = Histogram()
    do {
      try await withThrowingTaskGroup(of: Histogram.self) { group in
        for _ in 0..<window {
          group.addTask(executorPreference: executor) { try await Self.sender(producer, message, begin, end) }
        }
        for try await part in group { latencies.add(part) }
      }
    } catch let error as ClientError {
      throw error
    } catch {
      throw ClientError(.system, "\(error)", cause: error)
    }
    return latencies
  }

  private nonisolated(nonsending) static func sender(
    _ producer: Producer, _ message: Message, _ begin: MonotonicTime, _ end: MonotonicTime
  ) async throws(ClientError) -> Histogram {
    var latencies = Histogram()
    var now = SystemClock.monotonic()
    while now < end {
      try await producer.send(message)
      let done = SystemClock.monotonic()
      if now >= begin { latencies.record(UInt64((done - now).nanoseconds)) }
      now = done
    }
    return latencies
  }

  /// Sends at a rate. More than `window` are never under way: a send that waits for its turn is late, which counts.
  private func sendPaced(
    _ message: Message, by producer: Producer, at rate: Double, on executor: any TaskExecutor, _ begin: MonotonicTime,
    _ end: MonotonicTime
  ) async throws(ClientError) -> Histogram {
    let latencies = Locked(Histogram())
    let failure = Locked<ClientError?>(nil)
    await Self.paced(at: rate, until: end, on: executor) { due in
      guard failure.withLock({ $0 }) == nil else { return }
      do throws(ClientError) {
        try await producer.send(message)
      } catch {
        failure.withLock { $0 = error }
        return
      }
      let done = SystemClock.monotonic()
      if due >= begin { latencies.withLock { $0.record(UInt64((done - due).nanoseconds)) } }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    return latencies.withLock { $0 }
  }

  /// Calls `body` at each moment at which a message is due, without waiting for the calls before; returns when all are
  /// over.
  private static func paced(
    at rate: Double, until end: MonotonicTime, on executor: any TaskExecutor,
    _ body: @escaping @Sendable (MonotonicTime) async -> Void
  ) async {
    await withDiscardingTaskGroup { group in
      var due = SystemClock.monotonic()
      while due < end {
        await sleep(until: due)
        let dueTime = due
        group.addTask(executorPreference: executor) { await body(dueTime) }
        due = due + .seconds(1 / rate)
      }
    }
  }

  // MARK: Consuming

  /// A group of its own drains the topic: from the first message that comes until none has come for a second.
  private func consume(with client: MessageClient) async throws(ClientError) -> Result {
    let counted = Locked<(count: UInt64, first: MonotonicTime?, last: MonotonicTime)>((0, nil, SystemClock.monotonic()))
    let consumer = try consumer(of: client, group: "\(group)-\(SystemClock.wall().milliseconds)") { messages in
      let now = SystemClock.monotonic()
      counted.withLock { counted in
        counted.count += UInt64(messages.count)
        counted.first = counted.first ?? now
        counted.last = now
      }
    }
    let before = ProcessUsage(of: ProcessIO.processID)
    let deadline = SystemClock.monotonic() + warmUp + duration
    await running(client, consumer) {
      while SystemClock.monotonic() < deadline {
        await Self.sleep(until: SystemClock.monotonic() + .milliseconds(100))
        let (_, first, last) = counted.withLock { $0 }
        if first != nil, SystemClock.monotonic() - last > .seconds(1) { break }
      }
    }
    let (count, first, last) = counted.withLock { $0 }
    var result = Result()
    result.messages = count
    result.elapsed = first.map { last - $0 } ?? .zero
    if let before, let after = ProcessUsage(of: ProcessIO.processID) {
      (result.cpu, result.anonymousBytes) = (after.cpu - before.cpu, after.anonymousBytes)
    }
    return result
  }

  private func consumer(
    of client: MessageClient, group: String, _ take: @escaping @Sendable ([ReceivedMessage]) -> Void
  ) throws(ClientError) -> PushConsumer {
    var settings = ConsumerConfiguration()
    settings.start = mode == .endToEnd ? .last : .first
    settings.batchSize = batch
    settings.pullBatchSize = 32
    settings.queueMessageLimit = 10_000
    return try client.pushConsumer(
      group: group, subscriptions: [Subscription(topic)], settings,
      listener: .concurrent { messages in
        take(messages)
        return .success
      })
  }

  private func running(_ client: MessageClient, _ consumer: PushConsumer, _ body: () async -> Void) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await Self.told { () async throws(ClientError) in try await client.run() } }
      group.addTask { await Self.told { () async throws(ClientError) in try await consumer.run() } }
      await body()
      group.cancelAll()
    }
  }

  /// A member of the client that fails says so; the load then ends without a result.
  private static func told(_ body: () async throws(ClientError) -> Void) async {
    do throws(ClientError) {
      try await body()
    } catch {
      ProcessIO.write("\(error)\n", to: .standardError)
    }
  }

  // MARK: Both

  private func exchange(with client: MessageClient) async throws(ClientError) -> Result {
    guard let rate else { preconditionFailure("sdk-e2e without a rate") }
    let producer = try producer(of: client)
    let body = [UInt8](repeating: UInt8(ascii: "x"), count: max(bodyBytes, 16))
    try await producer.send(Message(topic: topic, body: body))
    let latencies = Locked((fromDue: Histogram(), fromCall: Histogram()))
    let begin = SystemClock.monotonic() + warmUp
    let consumer = try consumer(of: client, group: group) { messages in
      let now = SystemClock.monotonic()
      for message in messages {
        let (due, called) = (Self.time(in: message.body.prefix(8)), Self.time(in: message.body.dropFirst(8).prefix(8)))
        // Others of the topic have anything there.
        guard begin <= due, due <= called, called <= now else { continue }
        latencies.withLock {
          $0.fromDue.record(UInt64((now - due).nanoseconds))
          $0.fromCall.record(UInt64((now - called).nanoseconds))
        }
      }
    }
    let used = Locked<ProcessUsage?>(nil)
    await running(client, consumer) {
      while consumer.queues.isEmpty { await Self.sleep(until: SystemClock.monotonic() + .milliseconds(10)) }
      async let usage = usage(from: begin, to: begin + duration)
      await Self.paced(at: rate, until: begin + duration, on: client.executor) { due in
        let stamp = Self.bytes(of: due) + Self.bytes(of: SystemClock.monotonic())
        await Self.told { () async throws(ClientError) in
          try await producer.send(Message(topic: topic, body: stamp + body.dropFirst(16)))
        }
      }
      let total = await usage
      used.withLock { $0 = total }
    }
    var result = Result()
    (result.latencies, result.latenciesFromCall) = latencies.withLock { $0 }
    (result.messages, result.elapsed) = (result.latencies.count, duration)
    if let total = used.withLock({ $0 }) { (result.cpu, result.anonymousBytes) = (total.cpu, total.anonymousBytes) }
    return result
  }

  private static func bytes(of time: MonotonicTime) -> [UInt8] {
    stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: time.rawValue >> $0) }
  }

  private static func time(in bytes: some Sequence<UInt8>) -> MonotonicTime {
    MonotonicTime(nanoseconds: bytes.reduce(Int64(0)) { $0 << 8 | Int64($1) })
  }

  /// What this process used between two moments.
  private func usage(from begin: MonotonicTime, to end: MonotonicTime) async -> ProcessUsage {
    await Self.sleep(until: begin)
    let before = ProcessUsage(of: ProcessIO.processID)
    await Self.sleep(until: end)
    var usage = ProcessUsage(of: ProcessIO.processID) ?? ProcessUsage(cpu: .zero, anonymousBytes: 0)
    usage.cpu -= before?.cpu ?? .zero
    return usage
  }

  private static func sleep(until time: MonotonicTime) async {
    let left = time - SystemClock.monotonic()
    guard left > .zero else { return }
    do {
      try await Task.sleep(for: left, tolerance: .zero)
    } catch {
      // Whoever is cancelled goes on at once.
      return
    }
  }
}
