import ApusBase
import ApusClientCore
public import ApusModel
import ApusProtocol
import ApusSystem

/// Gives messages when it is asked for them. Its queues are either shared out among the group
/// (``MessageClient/pullConsumer(group:subscriptions:_:)``) or chosen by the application (``assign(_:)``).
///
///     let consumer = try client.pullConsumer(group: "audit", subscriptions: [Subscription("Orders")])
///     group.addTask { try await consumer.run() }
///     for await message in consumer.messages { … }
///
/// A message that was polled counts as consumed with the next poll, unless `commitsByItself` is off; then ``commit()``
/// decides.
public final class PullConsumer: Sendable {
  private struct State {
    var work: [MessageQueue: QueueWork] = [:] { didSet { order = nil } }
    var paused: Set<MessageQueue> = []
    /// The queues sorted; nil when some have come or gone since.
    private var order: [MessageQueue]?
    /// In turn, so that no queue starves the others.
    var turn = 0
    var waiter: PendingAnswer<Void>?
    var starting: [QueueWork] = []
    /// What was polled for a loop over ``PullConsumer/messages`` and not given to it yet: of one queue.
    var unseen: ArraySlice<ReceivedMessage> = []
    var assigned: Set<MessageQueue>?
    var hasBegun = false
    var isClosed = false

    mutating func sortedQueues() -> [MessageQueue] {
      let queues = order ?? work.keys.sorted()
      order = queues
      return queues
    }
  }

  /// The group, its namespace included.
  public let group: String
  /// The settings.
  public let configuration: PullConsumerConfiguration

  let client: MessageClient
  let offsets: GroupOffsets
  let meter: ConsumeMeter
  private let share: GroupShare
  let subscriptions: [String: SubscriptionData]
  private let state = Locked(State())
  private let wakeUps: AsyncStream<Void>
  private let waking: AsyncStream<Void>.Continuation

  init(
    group: String, subscriptions: [Subscription], _ configuration: PullConsumerConfiguration, client: MessageClient
  ) throws(ClientError) {
    guard 1...1024 ~= configuration.pullBatchSize else {
      throw ClientError(.invalidArgument, "pullBatchSize is \(configuration.pullBatchSize), not 1…1024")
    }
    try PositiveSettings.check([
      "messageLimit": configuration.messageLimit, "queueMessageLimit": configuration.queueMessageLimit,
      "queueByteLimit": configuration.queueByteLimit,
    ])
    try PositiveSettings.check(["metadataCheckInterval": configuration.metadataCheckInterval])
    guard configuration.commitInterval >= .seconds(1) else {
      throw ClientError(.invalidArgument, "commitInterval is \(configuration.commitInterval), less than a second")
    }
    guard configuration.suspendedPullTimeout > configuration.suspendTime else {
      throw ClientError(
        .invalidArgument,
        "suspendedPullTimeout \(configuration.suspendedPullTimeout) not above \(configuration.suspendTime), suspendTime"
      )
    }
    self.group = group
    self.configuration = configuration
    self.client = client
    let isBroadcast = configuration.messageModel == .broadcasting
    offsets = GroupOffsets(
      group: group, runtime: client.runtime,
      local: isBroadcast ? try LocalOffsets(group: group, runtime: client.runtime) : nil)
    share = GroupShare(
      group: group, client: client, offsets: offsets, isShared: !isBroadcast, strategy: configuration.rebalance,
      start: configuration.start)
    meter = ConsumeMeter(group: group, metrics: client.runtime.configuration.metrics)
    let version = SystemClock.wall().milliseconds
    var table: [String: SubscriptionData] = [:]
    for subscription in subscriptions {
      let topic = Namespace.wrap(subscription.topic, in: client.runtime.configuration.namespace)
      table[topic] = subscription.data(topic: topic, version: version)
    }
    self.subscriptions = table
    (wakeUps, waking) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Pulls ahead until the task is cancelled, or the client ends; then offsets are committed, where the consumer
  /// commits by itself, and the group is left. ``MessageClient/run()`` must run beside it. To be called once. Throws at
  /// its beginning only, as ``PushConsumer/run()``; then there are no messages, and whoever waits for some is told so.
  public func run() async throws(ClientError) {
    let isFirst = state.withLock { state in
      defer { state.hasBegun = true }
      return !state.hasBegun
    }
    guard isFirst else { throw .ranBefore }
    do throws(ClientError) {
      try await client.check(Array(subscriptions.values), of: group)
      try await offsets.open()
      try client.join(group, self)
    } catch {
      close()
      throw error
    }
    let runtime = client.runtime
    await withDiscardingTaskGroup { group in
      if configuration.commitsByItself {
        group.addTask(executorPreference: runtime.executor) {
          await runtime.every(self.configuration.commitInterval) { await self.persist() }
        }
      }
      group.addTask(executorPreference: runtime.executor) {
        await runtime.every(runtime.configuration.rebalanceInterval) { self.rebalanceNow() }
      }
      group.addTask(executorPreference: runtime.executor) { await self.share.lookForTopics { self.rebalanceNow() } }
      rebalanceNow()
      for await _ in wakeUps {
        await rebalance()
        let starting = state.withLock { state in
          defer { state.starting = [] }
          return state.starting
        }
        for queue in starting {
          group.addTask(executorPreference: runtime.executor) {
            // Where the answers come: nothing of the application runs in it.
            await self.puller(queue).run(queue)
          }
        }
      }
      // It is not the task that was cancelled when the client ends.
      group.cancelAll()
      // Before queues are dropped: what is committed from now on is the last of them.
      close()
      for queue in allWork { queue.drop() }
    }
    // The task may be cancelled already; leaving has time limits of its own.
    await Task {
      if self.configuration.commitsByItself { await self.persist(isLast: true) }
      await self.client.leave(self.group)
    }.value
  }

  /// The queues that this consumer has at present, sorted.
  public var queues: [MessageQueue] { state.withLock { $0.work.keys.sorted() } }

  /// Chooses the queues itself, in place of those that it had; the group's members then share nothing out.
  public func assign(_ queues: [MessageQueue]) {
    state.withLock { $0.assigned = Set(queues.map(wrapped)) }
    rebalanceNow()
  }

  var allWork: [QueueWork] { state.withLock { Array($0.work.values) } }

  // MARK: Messages

  /// The next messages, of one queue, as many as are there and `pullBatchSize` allows. Empty when none came within
  /// `timeout` (`pollTimeout`); nil when there is no use in polling again: ``run()`` has ended, or thrown, or the task
  /// is cancelled. One task at a time polls: what it has counts as consumed with the next poll, whoever makes it. What
  /// a loop over ``messages`` that has ended left of a batch comes first.
  public func poll(timeout: Duration? = nil) async -> [ReceivedMessage]? {
    if configuration.commitsByItself { finishTaken() }
    let deadline = SystemClock.monotonic() + (timeout ?? configuration.pollTimeout)
    while !Task.isCancelled {
      let waiter = PendingAnswer<Void>()
      switch take(or: waiter) {
      case .closed: return nil
      case .messages(let messages): return messages
      case .nothing: break
      }
      let left = deadline - SystemClock.monotonic()
      guard left > .zero else { return [] }
      await waiter.wait(atMost: left)
    }
    return nil
  }

  private enum Taken {
    case messages([ReceivedMessage])
    case nothing
    case closed
  }

  private func take(or waiter: PendingAnswer<Void>) -> Taken {
    state.withLock { state in
      if state.isClosed { return .closed }
      if !state.unseen.isEmpty {
        defer { state.unseen = [] }
        return .messages(Array(state.unseen))
      }
      let queues = state.sortedQueues()
      for step in queues.indices {
        let queue = queues[(state.turn + step) % queues.count]
        guard !state.paused.contains(queue), let work = state.work[queue] else { continue }
        let messages = work.take(Int(configuration.pullBatchSize))
        guard !messages.isEmpty else { continue }
        state.turn = (state.turn + step + 1) % queues.count
        return .messages(messages)
      }
      state.waiter = waiter
      return .nothing
    }
  }

  /// What was polled counts as consumed, and the brokers are told. Inside `for await message in consumer.messages` that
  /// is what the loop has been given, the present message among it. It is done also when the task has been cancelled.
  public func commit() async {
    finishTaken()
    // After its end there is no other time.
    await Task { await self.persist(isLast: self.isClosed) }.value
  }

  private func finishTaken() {
    let unseen = state.withLock { $0.unseen.first }
    for work in allWork {
      work.finishTaken(before: unseen?.queue == work.queue ? unseen?.queueOffset : nil)
    }
  }

  /// The next message for a loop; nil when ``run()`` has ended or the task is cancelled. What a loop that ends early
  /// leaves of a batch is there for whoever asks next.
  fileprivate func nextMessage() async -> ReceivedMessage? {
    while !Task.isCancelled {
      if let message = state.withLock({ $0.unseen.popFirst() }) { return message }
      guard let batch = await poll() else { return nil }
      state.withLock { $0.unseen = batch[...] }
    }
    return nil
  }

  /// Goes on elsewhere in a queue; what a loop has not been given of it yet is wanted no more.
  func restart(_ work: QueueWork, at offset: Int64) {
    work.reset(to: offset)
    forget(work.queue)
  }

  private func forget(_ queue: MessageQueue) {
    state.withLock { state in
      if state.unseen.first?.queue == queue { state.unseen = [] }
    }
  }

  private func persist(isLast: Bool = false) async { await offsets.commit(allWork, isLast: isLast) }

  // MARK: Places

  /// Goes on at an offset of a queue. Throws ``ClientError/Code/invalidArgument`` for a queue that this consumer does
  /// not have and for an offset below 0.
  public func seek(_ queue: MessageQueue, to offset: Int64) throws(ClientError) {
    guard let work = state.withLock({ $0.work[wrapped(queue)] }) else {
      throw ClientError(.invalidArgument, "\(queue.topic)/\(queue.brokerName)/\(queue.queueID) is not this consumer's")
    }
    guard offset >= 0 else { throw ClientError(.invalidArgument, "an offset is not negative, this is \(offset)") }
    restart(work, at: offset)
  }

  /// Goes on at the oldest message of a queue that this consumer has.
  public func seekToBegin(_ queue: MessageQueue) async throws(ClientError) {
    try seek(queue, to: try await client.runtime.minOffset(of: wrapped(queue)))
  }

  /// Goes on behind the newest message of a queue that this consumer has.
  public func seekToEnd(_ queue: MessageQueue) async throws(ClientError) {
    try seek(queue, to: try await client.runtime.maxOffset(of: wrapped(queue)))
  }

  /// Gives no messages of these queues until ``resume(_:)``, but for what a loop over ``messages`` has left of a batch.
  public func pause(_ queues: [MessageQueue]) { state.withLock { $0.paused.formUnion(queues.map(wrapped)) } }

  /// Gives messages of these queues again.
  public func resume(_ queues: [MessageQueue]) {
    state.withLock { $0.paused.subtract(queues.map(wrapped)) }
    wake()
  }

  /// The offset that the group has committed in a queue, the next one to be consumed; nil for none.
  public func committed(_ queue: MessageQueue) async throws(ClientError) -> Int64? {
    try await offsets.stored(wrapped(queue))
  }

  /// The offset of a queue's first message that was stored at or after a moment, in milliseconds since 1970; the
  /// queue's end when there is none.
  public func offset(of queue: MessageQueue, at milliseconds: Int64) async throws(ClientError) -> Int64 {
    try await client.runtime.offset(of: wrapped(queue), at: milliseconds)
  }

  /// The queues of a topic that may be read.
  public func queues(of topic: String) async throws(ClientError) -> [MessageQueue] {
    let topic = Namespace.wrap(topic, in: client.runtime.configuration.namespace)
    return try await client.runtime.routes.route(topic).readQueues
  }

  /// A queue that the application names, with or without the namespace of its topic, as brokers know it.
  func wrapped(_ queue: MessageQueue) -> MessageQueue {
    var own = queue
    own.topic = Namespace.wrap(queue.topic, in: client.runtime.configuration.namespace)
    return own
  }

  /// Whether ``run()`` has ended.
  var isClosed: Bool { state.withLock { $0.isClosed } }

  // MARK: Rebalance

  private func rebalance() async {
    if let assigned = state.withLock({ $0.assigned }) { return await settle(assigned) }
    var wanted: Set<MessageQueue> = []
    for topic in subscriptions.keys.sorted() {
      do throws(ClientError) {
        wanted.formUnion(try await share.queues(of: topic))
      } catch {
        // What it has of the topic stays, and other topics have nothing to do with it.
        wanted.formUnion(queues.filter { $0.topic == topic })
        client.runtime.warn("queues cannot be shared out", "topic", topic, cause: error)
      }
    }
    await settle(wanted)
  }

  private func settle(_ wanted: Set<MessageQueue>) async {
    let left = allWork.filter { !wanted.contains($0.queue) }
    for work in left {
      state.withLock { $0.work[work.queue] = nil }
      work.drop()
      forget(work.queue)
    }
    if configuration.commitsByItself { await offsets.commit(left, isLast: true) }
    var silent: Set<String> = []
    for queue in wanted.sorted() where state.withLock({ $0.work[queue] }) == nil {
      // What a broker that does not answer has is begun with the next time.
      guard !silent.contains(queue.brokerName) else { continue }
      switch await share.beginning(of: queue) {
      case .at(let offset):
        let work = QueueWork(queue, from: offset)
        state.withLock { state in
          state.work[queue] = work
          state.starting.append(work)
        }
      case .refused: break
      case .silent: silent.insert(queue.brokerName)
      }
    }
  }

  private func puller(_ queue: QueueWork) -> QueuePuller {
    QueuePuller(
      group: group, runtime: client.runtime,
      subscription: subscriptions[queue.queue.topic] ?? SubscriptionData(topic: queue.queue.topic),
      batchSize: configuration.pullBatchSize, suspendTime: configuration.suspendTime,
      timeout: configuration.suspendedPullTimeout,
      // The brokers do not know the subscription of a consumer that was assigned its queues.
      sendsSubscription: true, isLitePull: true, meter: meter, limits: { self.limits },
      came: { _, _ in self.wake() },
      moved: { queue, offset in
        let wrong = queue.nextOffset
        await QueuePuller.pause(self.client.runtime.configuration.pullDelayAfterError)
        // Unless the application went elsewhere meanwhile.
        queue.reset(to: offset, from: wrong)
      })
  }

  private var limits: ProcessQueue<ReceivedMessage>.Limits {
    let count = max(state.withLock { $0.work.count }, 1)
    return ProcessQueue<ReceivedMessage>.Limits(
      count: min(configuration.queueMessageLimit, max(1, configuration.messageLimit / count)),
      bytes: configuration.queueByteLimit, span: configuration.maxSpan)
  }

  private func wake() {
    let waiter = state.withLock { state in
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resolve(())
  }

  private func close() {
    state.withLock { $0.isClosed = true }
    wake()
  }
}

extension PullConsumer: ConsumerMember {
  var terminationTime: Duration { .zero }

  var heartbeat: ConsumerData {
    ConsumerData(
      group: group, consumeType: .actively, messageModel: configuration.messageModel.wire,
      consumeFromWhere: configuration.start.wire,
      subscriptions: subscriptions.values.sorted { $0.topic < $1.topic },
      unitMode: client.runtime.configuration.unitMode)
  }

  func rebalanceNow() { waking.yield() }

  func end() { waking.finish() }
}

extension PullConsumer {
  /// Messages one by one, until ``run()`` ends.
  public struct Messages: AsyncSequence, Sendable {
    let consumer: PullConsumer

    /// Asks a consumer for its messages.
    public struct AsyncIterator: AsyncIteratorProtocol {
      let consumer: PullConsumer

      /// The next message; nil when ``PullConsumer/run()`` has ended or the task is cancelled.
      public mutating func next() async -> ReceivedMessage? { await consumer.nextMessage() }
    }

    /// Asks the consumer.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(consumer: consumer) }
  }

  /// Messages one by one, until ``run()`` ends. A loop may end early: the next one goes on behind its last message.
  public var messages: Messages { Messages(consumer: self) }
}

extension MessageClient {
  /// Makes a pull consumer of a group. Without subscriptions it has the queues that it is assigned. It takes part in
  /// nothing before ``PullConsumer/run()``. Throws ``ClientError/Code/invalidArgument`` for a setting that cannot be
  /// used.
  public func pullConsumer(
    group: String, subscriptions: [Subscription] = [],
    _ configuration: PullConsumerConfiguration = PullConsumerConfiguration()
  ) throws(ClientError) -> PullConsumer {
    try PullConsumer(
      group: Namespace.wrap(group, in: runtime.configuration.namespace), subscriptions: subscriptions, configuration,
      client: self)
  }
}
