import ApusBase
import ApusClientCore
import ApusModel
import ApusSystem

/// Sends what happened to the messages of one producer or consumer to the trace topic, some at once, while the client
/// runs. Traces never hold messages up: when they cannot be sent as quickly as they come, some are dropped.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:client/src/main/java/org/apache/rocketmq/client/trace/AsyncTraceDispatcher.java
final class Tracer: Sendable {
  /// Whose traces they are.
  enum Side: String, Sendable {
    case produce = "PRODUCE"
    case consume = "CONSUME"
  }

  private struct State {
    var waiting: [MessageTrace] = []
    var dropped = 0
  }

  /// How many traces may wait; more are dropped.
  private static let waitingLimit = 1024
  /// How many are put together at once.
  private static let batchLimit = 100
  /// How long is waited for others to put together.
  private static let linger = Duration.milliseconds(5)
  private static let sendTimeout = Duration.seconds(5)
  /// Brokers that name no region are in this one.
  private static let standardRegion = "DefaultRegion"

  /// The group that is traced, without namespace.
  let group: String
  private let topic: String
  private let isCloud: Bool
  private let producer: Producer
  private let state = Locked(State())
  private let wakeUps: AsyncStream<Void>
  private let waking: AsyncStream<Void>.Continuation

  /// Traces a group to `topic`, or to the brokers' own trace topic.
  init(group: String, _ side: Side, topic: String?, number: Int, client: MessageClient) throws(ClientError) {
    let settings = client.runtime.configuration
    self.group = Namespace.unwrap(group, from: settings.namespace)
    self.topic = topic ?? SystemTopics.trace
    isCloud = settings.accessChannel == .cloud
    producer = try Producer(
      group: "_INNER_TRACE_PRODUCER-\(group)-\(side.rawValue)-\(number)", ProducerConfiguration(), tracer: nil,
      client: client)
    (wakeUps, waking) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Whether messages of a topic are traces themselves.
  func isTrace(topic: String) -> Bool { topic == self.topic || topic.hasPrefix("rmq_sys_TRACE_DATA_") }

  /// How many traces wait.
  var waiting: Int { state.withLock { $0.waiting.count } }

  /// Takes a trace.
  func add(_ trace: MessageTrace) {
    state.withLock { state in
      if state.waiting.count < Self.waitingLimit { state.waiting.append(trace) } else { state.dropped += 1 }
    }
    waking.yield()
  }

  /// Sends what comes until the task is cancelled.
  func run() async {
    for await _ in wakeUps {
      await QueuePuller.pause(Self.linger)
      guard !Task.isCancelled else { return }
      await flush()
    }
  }

  /// Sends what waits. At the end of the client (`isLast`) only as long as brokers take it: one that does not answer
  /// would hold the end up for seconds with each message of traces.
  func flush(isLast: Bool = false) async {
    while true {
      let (traces, dropped) = state.withLock { state -> ([MessageTrace], Int) in
        let taken = Array(state.waiting.prefix(Self.batchLimit))
        state.waiting.removeFirst(taken.count)
        defer { state.dropped = 0 }
        return (taken, state.dropped)
      }
      if dropped > 0 {
        producer.runtime.log.warning("client", "traces were dropped", ["group": group, "count": dropped])
      }
      if traces.isEmpty { return }
      // What has been taken is sent, also when the client ends meanwhile.
      let areTaken = await Task {
        var failures = 0
        for item in TraceMessages.make(of: traces, isCloud: self.isCloud) where failures == 0 || !isLast {
          if await !self.send(item) { failures += 1 }
        }
        return failures == 0
      }.value
      // A round that is cancelled leaves the rest to the end.
      if isLast ? !areTaken : Task.isCancelled { return }
    }
  }

  /// False when no broker has taken it.
  private func send(_ item: TraceMessages.Item) async -> Bool {
    let topic = isCloud ? "rmq_sys_TRACE_DATA_\(item.region)" : topic
    do throws(ClientError) {
      let message = try OutgoingMessage(
        Message(topic: topic, body: item.body, keys: item.words), topic: topic, key: producer.runtime.nextKey(),
        maxBodyBytes: producer.configuration.maxMessageBytes)
      _ = try await producer.sendToAny(message, timeout: Self.sendTimeout)
      return true
    } catch {
      producer.runtime.warn("traces were not taken", "topic", topic, cause: error)
      return false
    }
  }
}

// MARK: What is traced

extension Tracer {
  /// A send was answered.
  func sent(_ message: OutgoingMessage, _ receipt: SendReceipt, at broker: String, began: WallTime, took: Duration) {
    let namespace = producer.runtime.configuration.namespace
    let topic = Namespace.unwrap(receipt.queue.topic, from: namespace)
    guard receipt.isTraced, !isTrace(topic: topic) else { return }
    let kind: MessageTrace.Kind =
      message.sysFlag.transaction == .prepared ? .half : message.isDelayed ? .delayed : .normal
    add(
      .published(
        MessageTrace.Published(
          MessageTrace.Told(
            time: began.milliseconds, region: receipt.region ?? Self.standardRegion, group: group, topic: topic,
            messageID: receipt.messageID, tag: message.tag, keys: message.keys, storeHost: broker),
          bodyBytes: message.body.count, cost: took.milliseconds, kind: kind,
          offsetMessageID: receipt.offsetMessageID, isSuccess: receipt.status == .stored)))
  }

  /// A listener is about to be given messages; nil when none of them is traced.
  func begin(_ messages: [ReceivedMessage]) -> MessageTrace.Consuming? {
    let traced = messages.filter { $0.properties["TRACE_ON"] != "false" && !isTrace(topic: $0.topic) }
    guard let first = traced.first else { return nil }
    let call = MessageTrace.Consuming(
      time: SystemClock.wall().milliseconds, region: first.properties["MSG_REGION"] ?? Self.standardRegion,
      group: group, requestID: String(decoding: producer.runtime.nextKey(), as: UTF8.self),
      items: traced.map {
        MessageTrace.Item(messageID: $0.messageID, retryTimes: $0.reconsumeTimes, keys: $0.properties["KEYS"])
      })
    add(.consuming(call))
    return call
  }

  /// A listener is done.
  func end(_ call: MessageTrace.Consuming, _ outcome: MessageTrace.Outcome, isSuccess: Bool) {
    let now = SystemClock.wall().milliseconds
    let cost = max(0, now - call.time) / Int64(call.items.count)
    add(.consumed(MessageTrace.Consumed(call, cost: cost, outcome: outcome, isSuccess: isSuccess, time: now)))
  }

  /// A broker was told how a transaction ended.
  func ended(_ half: HalfMessage, _ state: TransactionState, at broker: String, isAnswer: Bool) {
    add(
      .transactionEnded(
        MessageTrace.TransactionEnded(
          MessageTrace.Told(
            time: SystemClock.wall().milliseconds, region: half.region ?? Self.standardRegion, group: group,
            topic: half.topic, messageID: half.messageID, tag: half.tag, keys: half.keys, storeHost: broker),
          transactionID: half.transactionID, state: state.traceName, isAnswer: isAnswer)))
  }
}

extension TransactionState {
  /// Java's name.
  fileprivate var traceName: String {
    switch self {
    case .commit: "COMMIT_MESSAGE"
    case .rollback: "ROLLBACK_MESSAGE"
    case .unknown: "UNKNOW"
    }
  }
}
