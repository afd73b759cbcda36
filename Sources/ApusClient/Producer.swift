import ApusBase
import ApusClientCore
public import ApusModel
import ApusProtocol
import ApusSystem

/// Sends messages for a group of producers. Safe to use from any number of tasks at once.
public final class Producer: Sendable {
  /// The group, its namespace included.
  public let group: String
  /// The settings.
  public let configuration: ProducerConfiguration

  let runtime: ClientRuntime
  let sender: Sender
  /// Told of sends and of transactions' ends, where messages are traced.
  var tracer: Tracer? { sender.tracer }
  /// Requests need what only the client has; sends go on without it.
  weak let client: MessageClient?
  private let choice: Locked<QueueChoice>
  /// Which brokers are slow; nil where that does not count.
  let faults: Locked<LatencyFault>?
  private let inFlight: InFlightLimit

  init(
    group: String, _ configuration: ProducerConfiguration, tracer: Tracer?, client: MessageClient
  ) throws(ClientError) {
    try Self.check(configuration)
    let runtime = client.runtime
    self.group = group
    self.configuration = configuration
    self.runtime = runtime
    self.client = client
    var random = SystemRandom()
    choice = Locked(QueueChoice(using: &random))
    let steps = configuration.latencySteps.map { (latency: $0.latency, pause: $0.pause) }
    faults = configuration.avoidsSlowBrokers ? Locked(LatencyFault(steps: steps)) : nil
    inFlight = InFlightLimit(configuration.inFlightLimit)
    sender = Sender(group: group, configuration, runtime: runtime, tracer: tracer)
  }

  /// Throws when a setting cannot be used.
  static func check(_ configuration: ProducerConfiguration) throws(ClientError) {
    guard configuration.inFlightLimit > 0 else {
      throw ClientError(.invalidArgument, "inFlightLimit is \(configuration.inFlightLimit), at least 1 is needed")
    }
    if let levels = configuration.compression.levels, !levels.contains(configuration.compressionLevel) {
      throw ClientError(
        .invalidArgument,
        "compressionLevel is \(configuration.compressionLevel), \(configuration.compression) has \(levels)")
    }
    let latencies = configuration.latencySteps.map(\.latency)
    guard zip(latencies, latencies.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw ClientError(.invalidArgument, "the latencies of latencySteps do not grow: \(latencies)")
    }
  }

  /// Sends a message to a queue of its topic, in turn, and waits until the broker has it. A try that fails is followed
  /// by others with other brokers (`retryCount`), all within `timeout` (`sendTimeout`). When it throws
  /// ``ClientError/Code/timedOut``, ``ClientError/Code/connectionLost`` or ``ClientError/Code/cancelled`` the message
  /// may have been stored all the same.
  @discardableResult
  public func send(_ message: Message, timeout: Duration? = nil) async throws(ClientError) -> SendReceipt {
    let outgoing = try prepare(message)
    return try await limited(outgoing, timeout ?? configuration.sendTimeout) { left throws(ClientError) in
      try await sendToAny(outgoing, timeout: left)
    }
  }

  /// Sends a message to this queue of its topic, within `timeout` (`sendTimeout`). It is not tried again, as no other
  /// queue will do.
  @discardableResult
  public func send(
    _ message: Message, to queue: MessageQueue, timeout: Duration? = nil
  ) async throws(ClientError) -> SendReceipt {
    let outgoing = try prepare(message)
    let queue = try wrapped(queue, of: message.topic)
    return try await limited(outgoing, timeout ?? configuration.sendTimeout) { left throws(ClientError) in
      try await send(outgoing, to: queue, timeout: left)
    }
  }

  /// Sends a message to the queue that `choose` picks of its topic's queues, so that all messages of one key stay in
  /// their order. `choose` is called when the route is known, with one queue at least: a topic that has none at present
  /// makes this throw ``ClientError/Code/noQueue``. It is not tried again, as no other queue will do.
  @discardableResult
  public func send(
    _ message: Message, timeout: Duration? = nil, choosing choose: @Sendable ([MessageQueue]) -> MessageQueue
  ) async throws(ClientError) -> SendReceipt {
    let deadline = SystemClock.monotonic() + (timeout ?? configuration.sendTimeout)
    let queues = try await queues(of: message.topic, until: deadline)
    guard !queues.isEmpty else { throw Self.noQueue(of: message.topic) }
    return try await send(message, to: choose(queues), timeout: try deadline.left())
  }

  /// Sends a message to the queue of its topic that a selector picks. It is not tried again.
  @discardableResult
  public func send(
    _ message: Message, by selector: QueueSelector, timeout: Duration? = nil
  ) async throws(ClientError) -> SendReceipt {
    let deadline = SystemClock.monotonic() + (timeout ?? configuration.sendTimeout)
    let queue = try await queue(of: message.topic, by: selector, until: deadline)
    return try await send(message, to: queue, timeout: try deadline.left())
  }

  /// Sends messages of one topic to one queue, in as few requests as `maxMessageBytes` allows. Each request is stored
  /// as a whole or not at all; when one fails those before it are stored. Each may take `timeout` (`sendTimeout`).
  /// Returns a receipt for each message, in their order. Without a queue each request goes to the next one, and is
  /// tried again elsewhere when it fails.
  @discardableResult
  public func send(
    _ messages: [Message], to queue: MessageQueue? = nil, timeout: Duration? = nil
  ) async throws(ClientError) -> [SendReceipt] {
    let topic = Namespace.wrap(messages.first?.topic ?? "", in: runtime.configuration.namespace)
    let queue = try queue.map { (queue) throws(ClientError) in try wrapped(queue, of: topic) }
    let batches = try Batch.split(
      messages, topic: topic, maxBodyBytes: configuration.maxMessageBytes, nextKey: runtime.nextKey)
    let timeout = timeout ?? configuration.sendTimeout
    var receipts: [SendReceipt] = []
    for batch in batches {
      let count = batch.messageIDs.count
      let receipt = try await limited(batch.outgoing, count: count, timeout) { left throws(ClientError) in
        guard let queue else { return try await sendToAny(batch.outgoing, timeout: left) }
        return try await send(batch.outgoing, to: queue, timeout: left)
      }
      receipts += receipt.items(batch.messageIDs)
    }
    return receipts
  }

  /// Sends a message without waiting for an answer: it may be lost unnoticed. Throws only when there is no connection
  /// within `sendTimeout`.
  public func sendOneway(_ message: Message, to queue: MessageQueue? = nil) async throws(ClientError) {
    let outgoing = try prepare(message)
    let topic = String(decoding: outgoing.topic, as: UTF8.self)
    let queue = try queue.map { (queue) throws(ClientError) in try wrapped(queue, of: topic) }
    try await limited(outgoing, configuration.sendTimeout) { left throws(ClientError) in
      let now = SystemClock.monotonic()
      let deadline = now + left
      let route = try await route(topic, by: deadline)
      let chosen = queue ?? choice.withLock { $0.choose(from: route.writeQueues, avoiding: nil, nil, now: now) }
      guard let chosen, let broker = route.master(of: chosen.brokerName) else { throw Self.noQueue(of: topic) }
      try await sender.sendOneway(outgoing, to: chosen, at: broker, by: deadline)
    }
  }

  /// Sends the half message of a transaction.
  func sendHalf(_ message: Message, timeout: Duration?) async throws(ClientError) -> SendReceipt {
    var outgoing = try prepare(message, extra: [("TRAN_MSG", "true"), ("PGROUP", group)])
    outgoing.sysFlag.transaction = .prepared
    let half = outgoing
    return try await limited(half, timeout ?? configuration.sendTimeout) { left throws(ClientError) in
      try await sendToAny(half, timeout: left)
    }
  }

  /// The queues that messages of a topic may be sent to. Throws ``ClientError/Code/unknownTopic`` for a topic that is
  /// not there and that no broker would make.
  public func queues(of topic: String) async throws(ClientError) -> [MessageQueue] {
    try await queues(of: topic, until: nil)
  }

  // MARK: Parts

  private static func noQueue(of topic: String) -> ClientError {
    ClientError(.noQueue, "no queue of \(topic) can be written to")
  }

  /// A queue that the application names, as brokers know it. Throws for one of another topic: its number would be taken
  /// for that of a queue of this one, at a broker that may not have it.
  func wrapped(_ queue: MessageQueue, of topic: String) throws(ClientError) -> MessageQueue {
    let namespace = runtime.configuration.namespace
    var own = queue
    own.topic = Namespace.wrap(queue.topic, in: namespace)
    guard own.topic == Namespace.wrap(topic, in: namespace) else {
      throw ClientError(.invalidArgument, "the message's topic is \(topic), the queue \(queue) is of another")
    }
    return own
  }

  private func queues(of topic: String, until deadline: MonotonicTime?) async throws(ClientError) -> [MessageQueue] {
    try await route(Namespace.wrap(topic, in: runtime.configuration.namespace), by: deadline).writeQueues
  }

  func prepare(
    _ message: Message, extra: [(name: String, value: String)] = []
  ) throws(ClientError) -> OutgoingMessage {
    var outgoing = try OutgoingMessage(
      message, topic: Namespace.wrap(message.topic, in: runtime.configuration.namespace), key: runtime.nextKey(),
      extra: extra, maxBodyBytes: configuration.maxMessageBytes)
    outgoing.compress(configuration)
    return outgoing
  }

  /// Sends messages while fewer than `inFlightLimit` other sends are under way; `body` is told how much of `timeout` is
  /// left.
  func limited<Result>(
    _ message: OutgoingMessage, count: Int = 1, _ timeout: Duration,
    _ body: (Duration) async throws(ClientError) -> Result
  ) async throws(ClientError) -> Result {
    let began = SystemClock.monotonic()
    guard await inFlight.enter(within: timeout) else {
      if Task.isCancelled { throw .cancelled }
      throw ClientError(
        .timedOut, "\(configuration.inFlightLimit) sends were under way for \(timeout); nothing was sent",
        advice: "Send less at once, or raise inFlightLimit.")
    }
    defer { inFlight.leave() }
    return try await measured(message, count) { () async throws(ClientError) in
      try await body(timeout - (SystemClock.monotonic() - began))
    }
  }

  func send(
    _ message: OutgoingMessage, to queue: MessageQueue, timeout: Duration
  ) async throws(ClientError) -> SendReceipt {
    let deadline = SystemClock.monotonic() + timeout
    let broker = try await master(of: queue, by: deadline)
    return try await sender.send(message, to: queue, at: broker, by: deadline)
  }

  /// The queue of a topic that a selector picks.
  func queue(
    of topic: String, by selector: QueueSelector, until deadline: MonotonicTime
  ) async throws(ClientError) -> MessageQueue {
    let queues = try await queues(of: topic, until: deadline)
    var random = SystemRandom()
    guard let queue = selector.core.choose(from: queues, using: &random) else {
      throw ClientError(.noQueue, "of \(queues.count) queues of \(topic) the selector takes none")
    }
    return queue
  }

  /// Counts a send where the application takes figures.
  private func measured<Result>(
    _ message: OutgoingMessage, _ count: Int, _ body: () async throws(ClientError) -> Result
  ) async throws(ClientError) -> Result {
    guard let metrics = runtime.configuration.metrics else { return try await body() }
    let topic = String(decoding: message.topic, as: UTF8.self)
    let began = SystemClock.monotonic()
    defer { metrics.record(SystemClock.monotonic() - began, for: .sendTime, topic: topic, group: group) }
    do throws(ClientError) {
      let result = try await body()
      metrics.add(count, to: .messagesSent, topic: topic, group: group)
      metrics.add(message.body.count, to: .bytesSent, topic: topic, group: group)
      return result
    } catch {
      metrics.add(count, to: .sendsFailed, topic: topic, group: group)
      throw error
    }
  }

  func sendToAny(_ message: OutgoingMessage, timeout: Duration) async throws(ClientError) -> SendReceipt {
    var began = SystemClock.monotonic()
    var attempts = SendAttempts(
      retryCount: configuration.retryCount, retriesUnsafe: configuration.retriesWhenNotStored,
      deadline: began + timeout)
    let topic = String(decoding: message.topic, as: UTF8.self)
    var failures: [String] = []
    var stored: SendReceipt?
    var last: ClientError?
    while attempts.next(now: began) {
      let next: (queue: MessageQueue, broker: String)
      do throws(ClientError) {
        next = try await target(topic, attempts, now: began)
      } catch {
        last = error
        break
      }
      let (queue, broker) = next
      do throws(ClientError) {
        let receipt = try await sender.send(message, to: queue, at: broker, by: attempts.deadline)
        note(queue.brokerName, since: began)
        guard receipt.status != .stored, attempts.failed(.unsafe, broker: queue.brokerName) else { return receipt }
        stored = receipt
        failures.append("\(broker): \(receipt.status.rawValue)")
      } catch {
        last = error
        // That the application or the client ends it is no fault of the broker's.
        if error.code == .cancelled || error.code == .closed { break }
        note(queue.brokerName, since: began, failure: true)
        let outcome = error.responseCode.map { SendAttempts.Outcome.refused(ResponseCode($0)) } ?? .unanswered
        guard attempts.failed(outcome, broker: queue.brokerName) else { break }
        failures.append("\(broker): \(error.message)")
      }
      began = SystemClock.monotonic()
    }
    // It is stored, although no other broker has made it safer.
    if let stored, last?.code != .cancelled { return stored }
    var error = last ?? ClientError(.timedOut, "the time limit of \(timeout) was over before the first try")
    error.attempts = failures + error.attempts
    throw error
  }

  /// A queue for the next try of a send, and its master.
  private func target(
    _ topic: String, _ attempts: SendAttempts, now: MonotonicTime
  ) async throws(ClientError) -> (queue: MessageQueue, broker: String) {
    let route = try await route(topic, by: attempts.deadline)
    let faults = faults?.withLock { $0 }
    let queue = choice.withLock {
      $0.choose(from: route.writeQueues, avoiding: attempts.lastBroker, faults, now: now)
    }
    guard let queue, let broker = route.master(of: queue.brokerName) else { throw Self.noQueue(of: topic) }
    return (queue, broker)
  }

  /// A broker answered a send that began then; a `failure` counts as a very slow answer.
  private func note(_ broker: String, since began: MonotonicTime, failure: Bool = false) {
    guard let faults else { return }
    let now = SystemClock.monotonic()
    faults.withLock { $0.sent(to: broker, in: failure ? LatencyFault.failureLatency : now - began, now: now) }
  }

  /// The route of a topic; of one that does not exist yet, the route of the template that the broker will make it by.
  /// A look-up ends by the deadline.
  func route(_ topic: String, by deadline: MonotonicTime?) async throws(ClientError) -> TopicRoute {
    if let known = runtime.routes.known(topic), !known.writeQueues.isEmpty { return known }
    do throws(ClientError) {
      return try await runtime.routes.refresh(topic, by: deadline)
    } catch {
      guard error.code == .unknownTopic else { throw error }
      let unknown = error
      do throws(ClientError) {
        var template = try await runtime.nameServers.route(configuration.createTopicKey, by: deadline)
        for index in template.queues.indices {
          let count = min(configuration.defaultTopicQueueCount, template.queues[index].readQueueCount)
          template.queues[index].readQueueCount = count
          template.queues[index].writeQueueCount = count
        }
        return runtime.routes.adopt(try TopicRoute(of: topic, template), for: topic)
      } catch {
        throw error.code == .unknownTopic ? unknown : error
      }
    }
  }

  private func master(of queue: MessageQueue, by deadline: MonotonicTime) async throws(ClientError) -> String {
    let route = try await route(queue.topic, by: deadline)
    guard let broker = route.master(of: queue.brokerName) else {
      throw ClientError(.noQueue, "the broker group \(queue.brokerName) of \(queue.topic) has no master at present")
    }
    return broker
  }
}
