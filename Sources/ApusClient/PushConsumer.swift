import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// Hands the messages of its group's queues to a listener, and tries those again that the listener is not done with.
///
///     let consumer = try client.pushConsumer(
///       group: "billing", subscriptions: [Subscription("Orders", .tags("paid"))],
///       listener: .concurrent { messages in
///         for message in messages { try await bill(message.text) }
///         return .success
///       })
///     try await consumer.run()
///
/// A message is delivered at least once: it comes again when this process ends before its offset is committed.
public final class PushConsumer: Sendable {
  /// The group, its namespace included.
  public let group: String
  /// The settings.
  public let configuration: ConsumerConfiguration

  let client: MessageClient
  let listener: Listener
  let offsets: GroupOffsets
  let subscriptions: [String: SubscriptionData]
  let version: Int64
  let share: GroupShare
  let meter: ConsumeMeter
  /// Told of calls of the listener, where messages are traced.
  let tracer: Tracer?
  /// Sends messages again that the brokers cannot be asked to.
  let returns: Producer
  let wakeUps: AsyncStream<Void>
  private let waking: AsyncStream<Void>.Continuation
  private let work = Locked<[MessageQueue: QueueWork]>([:])
  private let hasBegun = Locked(false)

  init(
    group: String, subscriptions: [Subscription], _ configuration: ConsumerConfiguration, listener: Listener,
    client: MessageClient
  ) throws(ClientError) {
    try Self.check(configuration, subscriptions)
    self.group = group
    self.configuration = configuration
    self.client = client
    self.listener = listener
    offsets = GroupOffsets(
      group: group, runtime: client.runtime,
      local: configuration.messageModel == .broadcasting
        ? try LocalOffsets(group: group, runtime: client.runtime) : nil)
    share = GroupShare(
      group: group, client: client, offsets: offsets, isShared: configuration.messageModel == .clustering,
      strategy: configuration.rebalance, start: configuration.start)
    meter = ConsumeMeter(group: group, metrics: client.runtime.configuration.metrics)
    tracer =
      configuration.tracesMessages ? try client.tracer(of: group, .consume, topic: configuration.traceTopic) : nil
    returns = try Producer(group: "CLIENT_INNER_PRODUCER", ProducerConfiguration(), tracer: nil, client: client)
    version = SystemClock.wall().milliseconds
    let namespace = client.runtime.configuration.namespace
    var table: [String: SubscriptionData] = [:]
    for subscription in subscriptions {
      let topic = Namespace.wrap(subscription.topic, in: namespace)
      table[topic] = subscription.data(topic: topic, version: version)
    }
    if configuration.messageModel == .clustering {
      let retry = "%RETRY%" + group
      table[retry] = SubscriptionData(topic: retry, version: version)
    }
    self.subscriptions = table
    (wakeUps, waking) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// The queues that this consumer has at present, sorted.
  public var queues: [MessageQueue] { work.withLock { $0.keys.sorted() } }

  /// Consumes until the task is cancelled, or the client ends; then what is under way is finished, offsets are
  /// committed and the group is left. ``MessageClient/run()`` must run beside it. To be called once. Throws at its
  /// beginning only: when a broker refuses a condition (``ClientError/Code/badExpression``), offsets of a broadcast
  /// group cannot be read (``ClientError/Code/system``), or it has been called before or this client has a consumer of
  /// the group already (``ClientError/Code/invalidArgument``).
  public func run() async throws(ClientError) {
    let isFirst = hasBegun.withLock { hasBegun in
      defer { hasBegun = true }
      return !hasBegun
    }
    guard isFirst else { throw .ranBefore }
    try await client.check(Array(subscriptions.values), of: group)
    try await offsets.open()
    try client.join(group, self)
    await withDiscardingTaskGroup { group in
      let jobs = ConsumeJobs(runtime.loop)
      for _ in 0..<configuration.concurrency { group.addTask { await self.work(on: jobs) } }
      addRounds(to: &group)
      rebalanceNow()
      // A new member asks for its share only when the brokers know of it.
      for await _ in wakeUps {
        for topic in subscriptions.keys.sorted() {
          for queue in await rebalance(topic) {
            // Where the answers come: nothing of the application runs in it.
            group.addTask(executorPreference: runtime.executor) { await self.pull(queue, jobs) }
          }
        }
      }
      // It is not the task that was cancelled when the client ends.
      group.cancelAll()
      jobs.finish()
    }
    // The task may be cancelled already; leaving has time limits of its own.
    await Task { await self.leaveGroup() }.value
  }

  /// Adds what is done again and again, whatever the listener does with its threads.
  private func addRounds(to group: inout DiscardingTaskGroup) {
    let (runtime, executor) = (runtime, runtime.executor)
    group.addTask(executorPreference: executor) {
      await runtime.every(runtime.configuration.rebalanceInterval) { self.rebalanceNow() }
    }
    group.addTask(executorPreference: executor) { await self.share.lookForTopics { self.rebalanceNow() } }
    group.addTask(executorPreference: executor) {
      await runtime.every(runtime.configuration.persistConsumerOffsetInterval) { await self.commit() }
    }
    if needsLocks {
      group.addTask(executorPreference: executor) {
        await runtime.every(self.configuration.lockInterval, first: .seconds(1)) { await self.renewLocks() }
      }
    }
    if !isOrderly, configuration.messageModel == .clustering {
      let round = min(configuration.consumeTimeout, Self.overdueRound)
      group.addTask(executorPreference: executor) { await runtime.every(round) { await self.returnOverdue() } }
    }
  }

  /// Shares the queues out anew, soon.
  func rebalanceNow() { waking.yield() }

  func end() { waking.finish() }

  /// Whether messages are consumed in order.
  var isOrderly: Bool {
    if case .orderly = listener { true } else { false }
  }

  /// Whether the brokers keep each queue for one consumer.
  var needsLocks: Bool { isOrderly && configuration.messageModel == .clustering }

  var runtime: ClientRuntime { client.runtime }

  // MARK: Queues

  func work(of queue: MessageQueue) -> QueueWork? { work.withLock { $0[queue] } }

  var allWork: [QueueWork] { work.withLock { Array($0.values) } }

  func add(_ queue: QueueWork) { work.withLock { $0[queue.queue] = queue } }

  /// Gives queues up: what is consumed of them is committed, the rest comes to whoever has them next. Where messages
  /// are consumed in order a queue stays, and its lock with it, until the listener is done, as nobody else may begin
  /// before.
  func remove(_ queues: [QueueWork]) async {
    let left = queues.filter { $0.leave() }
    for queue in left { discard(queue) }
    await offsets.commit(left, isLast: true)
    if needsLocks { await unlock(left.map(\.queue)) }
  }

  /// Begins a queue anew at an offset. What is being consumed at this moment finishes without effect on the group's
  /// progress; where that is done in order, the listener has to be done with it first, as in ``remove(_:)``.
  func restart(_ queue: QueueWork, at offset: Int64) async {
    // It may have gone to somebody else, whose progress is their own.
    guard work(of: queue.queue) === queue else { return }
    let isFree = queue.leave(goingOnAt: offset)
    await offsets.commit([queue], isLast: true)
    if isFree { discard(queue) }
    rebalanceNow()
  }

  private func discard(_ queue: QueueWork) {
    work.withLock { if $0[queue.queue] === queue { $0[queue.queue] = nil } }
  }

  /// Commits how far all queues are consumed.
  func commit() async { await offsets.commit(allWork) }

  private func leaveGroup() async {
    let all = allWork
    for queue in all { queue.drop() }
    await offsets.commit(all, isLast: true)
    if needsLocks { await unlock(all.map(\.queue)) }
    for queue in all { discard(queue) }
    await client.leave(group)
  }

  private static func check(
    _ configuration: ConsumerConfiguration, _ subscriptions: [Subscription]
  ) throws(ClientError) {
    guard !subscriptions.isEmpty else { throw ClientError(.invalidArgument, "a consumer needs a subscription") }
    guard 1...1024 ~= configuration.batchSize else {
      throw ClientError(.invalidArgument, "batchSize is \(configuration.batchSize), not 1…1024")
    }
    guard 1...1024 ~= configuration.pullBatchSize else {
      throw ClientError(.invalidArgument, "pullBatchSize is \(configuration.pullBatchSize), not 1…1024")
    }
    try PositiveSettings.check([
      "concurrency": configuration.concurrency, "queueMessageLimit": configuration.queueMessageLimit,
      "queueByteLimit": configuration.queueByteLimit, "topicMessageLimit": configuration.topicMessageLimit ?? 1,
      "topicByteLimit": configuration.topicByteLimit ?? 1,
    ])
    try PositiveSettings.check(["consumeTimeout": configuration.consumeTimeout])
    if let tries = configuration.maxReconsumeTimes, tries < 0 {
      throw ClientError(
        .invalidArgument, "maxReconsumeTimes is \(tries), at least 0 is needed", advice: "Java's -1 is nil here.")
    }
    guard Duration.milliseconds(10)...Duration.seconds(30) ~= configuration.suspendTime else {
      throw ClientError(.invalidArgument, "suspendTime is \(configuration.suspendTime), not 10 ms…30 s")
    }
    let lockTime = configuration.lockMaxLiveTime
    guard lockTime > .zero, lockTime <= .seconds(60) else {
      throw ClientError(.invalidArgument, "lockMaxLiveTime is \(lockTime), not more than 0 and at most 60 s")
    }
    guard configuration.lockInterval > .zero, configuration.lockInterval < lockTime else {
      throw ClientError(
        .invalidArgument,
        "lockInterval is \(configuration.lockInterval), not more than 0 and less than lockMaxLiveTime")
    }
  }
}

extension PushConsumer: ConsumerMember {
  var terminationTime: Duration { configuration.terminationTime }

  var heartbeat: ConsumerData {
    ConsumerData(
      group: group, messageModel: configuration.messageModel.wire,
      consumeFromWhere: configuration.start.wire, subscriptions: subscriptions.values.sorted { $0.topic < $1.topic },
      unitMode: runtime.configuration.unitMode)
  }
}

extension ConsumerConfiguration.MessageModel {
  /// The wire's name.
  var wire: ApusProtocol.MessageModel {
    switch self {
    case .clustering: .clustering
    case .broadcasting: .broadcasting
    }
  }
}

extension ConsumerConfiguration.Start {
  /// The wire's name.
  var wire: ConsumeFromWhere {
    switch self {
    case .last: .lastOffset
    case .first: .firstOffset
    case .time: .timestamp
    }
  }
}

extension MessageClient {
  /// Makes a push consumer of a group, with one subscription or more. It does nothing before ``PushConsumer/run()``.
  /// Throws ``ClientError/Code/invalidArgument`` for a setting that cannot be used.
  public func pushConsumer(
    group: String, subscriptions: [Subscription], _ configuration: ConsumerConfiguration = ConsumerConfiguration(),
    listener: Listener
  ) throws(ClientError) -> PushConsumer {
    try PushConsumer(
      group: Namespace.wrap(group, in: runtime.configuration.namespace), subscriptions: subscriptions, configuration,
      listener: listener, client: self)
  }
}
