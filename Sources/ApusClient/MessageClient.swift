import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// A client of RocketMQ brokers: what its producers and consumers share. The caller owns its life:
///
///     let client = try MessageClient(ClientConfiguration(nameServers: ["127.0.0.1:9876"]))
///     try await withThrowingTaskGroup(of: Void.self) { group in
///       group.addTask { try await client.run() }
///       let producer = try client.producer(group: "orders")
///       let receipt = try await producer.send(Message(topic: "Orders", text: "one"))
///       group.cancelAll()
///     }
///
/// Sending works without ``run()`` too; keeping routes fresh, heartbeats, consumers, transactions and replies need it.
public final class MessageClient: Sendable {
  let runtime: ClientRuntime
  let requests: BrokerRequests
  let replies = PendingReplies()
  let tracers = Tracers()
  private let members = Locked(Members())
  /// The brokers that have taken the last heartbeat that they were sent, over a connection that there still is.
  private let introduced = Locked<Set<String>>([])
  /// When brokers were last told of this client because they did not know it.
  private let reminded = Locked<[String: MonotonicTime]>([:])

  /// The groups that this client is in.
  private struct Members {
    var producers: Set<String> = []
    var consumers: [String: any ConsumerMember] = [:]
    /// The consumers that brokers are being told the end of.
    var leaving: Set<String> = []
    var transactions: [String: TransactionProducer] = [:]
    var isRunning = false
    /// Whether ``MessageClient/run()`` is ending or has ended: nobody joins any more.
    var hasEnded = false
    /// Told when the last consumer has left.
    var empty: PendingAnswer<Void>?
  }

  /// How often a broker is told of this client because it does not know it: members of a group that do not agree on
  /// their subscriptions take each other's away.
  private static let remindInterval = Duration.seconds(10)
  /// How long the end of the client waits for consumers that are leaving, beyond the time that listeners have.
  private static let leaveLimit = Duration.seconds(10)

  /// Makes a client; no connection is made yet. Throws ``ClientError/Code/invalidArgument`` when a setting cannot be
  /// used, and ``ClientError/Code/system`` when this machine has no thread or descriptor left.
  public convenience init(_ configuration: ClientConfiguration = ClientConfiguration()) throws(ClientError) {
    try self.init(configuration, log: Logger(level: .warning))
  }

  /// Makes a client that tells `log` what is not as it should be.
  init(_ configuration: ClientConfiguration, log: Logger) throws(ClientError) {
    requests = BrokerRequests()
    runtime = try ClientRuntime(configuration, service: requests, log: log)
    // Whoever answers brokers must not hold what holds the connections.
    let relays = ConsumerRelays(
      consumer: { [weak self] group in
        guard let self else { return nil }
        return members.withLock { $0.consumers[group] }
      }, log: runtime.log)
    relays.register(with: requests)
    requests.watchClosing { [introduced] broker in
      // Of one that is called by a name it is not known whether it is this one.
      introduced.withLock { known in known = known.filter { HostAddress($0).map { $0 != broker } ?? false } }
    }
    requests.serve(.pushReplyMessageToClient) { [replies, log = runtime.log] command, broker in
      replies.take(command, from: broker, log: log)
    }
  }

  /// `ip@instance[@unit][@STREAM]`: who this client is to the brokers.
  public var clientID: String { runtime.clientID }

  /// Runs tasks on the thread that serves this client's connections: `withTaskExecutorPreference(client.executor)`. A
  /// task that sends or takes small messages costs a fraction there, as no other thread has to be woken for it. What
  /// waits or computes for long must not run there: it holds up everything that this client does.
  public var executor: any TaskExecutor { runtime.executor }

  /// Keeps routes fresh, tells brokers who is there and answers what they ask, until the task is cancelled; then its
  /// consumers end, the groups are left and the connections closed. To be called once: a second call throws
  /// ``ClientError/Code/invalidArgument``. Calls of a client that has ended throw ``ClientError/Code/closed``.
  public func run() async throws(ClientError) {
    let isFirst = members.withLock { members in
      defer { members.isRunning = true }
      return !members.isRunning
    }
    guard isFirst else { throw ClientError(.invalidArgument, "the client runs already") }
    let (runtime, requests) = (runtime, requests)
    await withDiscardingTaskGroup { group in
      group.addTask {
        await runtime.every(runtime.configuration.pollNameServerInterval) { await self.refreshRoutes() }
      }
      group.addTask(executorPreference: runtime.executor) {
        await runtime.every(runtime.configuration.heartbeatBrokerInterval, first: .seconds(1)) {
          await self.heartbeat()
        }
      }
      if runtime.nameServers.areDiscovered {
        group.addTask {
          await runtime.every(NameServers.discoveryInterval, first: .seconds(10)) { await self.discover() }
        }
      }
      group.addTask { await requests.run() }
      group.addTask { await self.tracers.run() }
    }
    replies.close()
    await leave()
    runtime.close()
  }

  /// Makes a producer of a group. Throws ``ClientError/Code/invalidArgument`` for a setting or name that cannot be used
  /// (names have at most 255 bytes) and when this client has a producer of the group already.
  public func producer(
    group: String, _ configuration: ProducerConfiguration = ProducerConfiguration()
  ) throws(ClientError) -> Producer {
    let name = Namespace.wrap(group, in: runtime.configuration.namespace)
    try Self.check(group: name)
    // Before the group is taken, which stays free for settings that can be used.
    try Producer.check(configuration)
    let isNew = members.withLock { $0.producers.insert(name).inserted }
    guard isNew else { throw ClientError(.invalidArgument, "this client has a producer of group '\(group)' already") }
    let tracer =
      configuration.tracesMessages ? try self.tracer(of: name, .produce, topic: configuration.traceTopic) : nil
    return try Producer(group: name, configuration, tracer: tracer, client: self)
  }

  /// Traces a group while this client runs.
  func tracer(of group: String, _ side: Tracer.Side, topic: String?) throws(ClientError) -> Tracer {
    let tracer = try Tracer(group: group, side, topic: topic, number: tracers.count + 1, client: self)
    tracers.add(tracer)
    return tracer
  }

  // MARK: Members

  /// Brokers may ask this producer about its transactions from now on.
  func serve(_ transactions: TransactionProducer) {
    members.withLock { $0.transactions[transactions.producer.group] = transactions }
    requests.serve(.checkTransactionState) { [weak self] command, broker in
      guard let self, let group = CheckedTransaction.group(of: command) else { return nil }
      let producer = members.withLock { $0.transactions[group] }
      await producer?.answer(command, from: broker)
      return nil
    }
  }

  /// A consumer joins its group: heartbeats tell of it from now on.
  func join(_ group: String, _ consumer: any ConsumerMember) throws(ClientError) {
    try Self.check(group: group)
    let (hasEnded, isNew) = members.withLock { members in
      let isNew = !members.hasEnded && members.consumers[group] == nil
      if isNew { members.consumers[group] = consumer }
      return (members.hasEnded, isNew)
    }
    guard !hasEnded else { throw .ended }
    guard isNew else { throw ClientError(.invalidArgument, "this client has a consumer of group '\(group)' already") }
  }

  /// A consumer leaves its group: brokers are told. No heartbeat names it any more, as a broker that has let it go
  /// would take it for a member again, and keep its queues from the others for two minutes.
  func leave(_ group: String) async {
    members.withLock { _ = $0.leaving.insert(group) }
    await unregister(producer: nil, consumer: group)
    let empty = members.withLock { members in
      members.consumers[group] = nil
      members.leaving.remove(group)
      return members.consumers.isEmpty ? members.empty : nil
    }
    empty?.resolve(())
  }

  private static func check(group: String) throws(ClientError) {
    do throws(NameFault) {
      try GroupName.validate(group)
    } catch {
      throw ClientError(.invalidArgument, "the group '\(group)' cannot be used: \(GroupName.remark(error))")
    }
  }

  // MARK: Rounds

  private func discover() async {
    do throws(ClientError) {
      try await runtime.nameServers.discover()
    } catch {
      let url = runtime.configuration.addressServer?.url ?? ""
      runtime.warn("the address server is of no use now", "url", url, cause: error)
    }
  }

  /// Asks for all routes anew; consumers share queues out at once when some came or went.
  private func refreshRoutes() async {
    var haveChanged = false
    // A topic may be made after those who consume it have asked for it.
    let subscribed = consumers.flatMap { $0.heartbeat.subscriptions.map(\.topic) }
    for topic in Set(runtime.routes.topics).union(subscribed).sorted() {
      let known = runtime.routes.known(topic)
      do throws(ClientError) {
        let fresh = try await runtime.routes.refresh(topic)
        if fresh.readQueues != known?.readQueues { haveChanged = true }
      } catch {
        if known == nil, error.code == .unknownTopic { continue }
        // The old route stays in use; sends that fail by it say so themselves.
        runtime.warn("a route cannot be refreshed", "topic", topic, cause: error)
      }
    }
    guard haveChanged else { return }
    for consumer in consumers { consumer.rebalanceNow() }
  }

  private var consumers: [any ConsumerMember] { members.withLock { Array($0.consumers.values) } }

  /// Tells all brokers that routes name who is there: masters, and the other members when there are consumers; or only
  /// those at `addresses`. Each may take `timeout`, and no more than `requestTimeout`.
  func heartbeat(at addresses: Set<String>? = nil, timeout: Duration? = nil) async {
    let runtime = runtime
    let standard = runtime.configuration.requestTimeout
    let limit = timeout.map { min($0, standard) } ?? standard
    guard let known = heartbeatData else { return }
    await withDiscardingTaskGroup { group in
      for members in runtime.routes.brokers.values {
        for (id, address) in members
        where addresses?.contains(address) ?? (id == 0 || !known.consumers.isEmpty) {
          group.addTask {
            // Looked up only now, as a consumer may have begun to leave.
            guard let data = self.heartbeatData else { return }
            do throws(ClientError) {
              _ = try await runtime.ask(Heartbeat.Request(data: data), at: address, timeout: limit)
              self.introduced.withLock { _ = $0.insert(address) }
            } catch {
              self.introduced.withLock { _ = $0.remove(address) }
              runtime.warn("a heartbeat was not taken", "broker", address, cause: error)
            }
          }
        }
      }
    }
  }

  /// What brokers are told of this client; nil while it has no groups.
  private var heartbeatData: HeartbeatData? {
    members.withLock { members in
      let consumers = members.consumers.filter { !members.leaving.contains($0.key) }
      guard !members.producers.isEmpty || !consumers.isEmpty else { return nil }
      return HeartbeatData(
        clientID: runtime.clientID, producerGroups: members.producers.sorted(),
        consumers: consumers.sorted { $0.key < $1.key }.map { $0.value.heartbeat })
    }
  }

  /// Tells masters that do not know this client of it now, so that they can hand replies over. One that does not answer
  /// is waited for during half of the time until the deadline: the rest is for the request, which another may take.
  func introduce(by deadline: MonotonicTime? = nil) async {
    let masters = Set(runtime.routes.brokers.values.compactMap { $0[0] })
    let strangers = introduced.withLock { masters.subtracting($0) }
    guard !strangers.isEmpty else { return }
    await heartbeat(at: strangers, timeout: deadline.map { max(($0 - SystemClock.monotonic()) / 2, .zero) })
  }

  /// Consumers end with the client, and commit their offsets first.
  private func leave() async {
    let empty = PendingAnswer<Void>()
    let (producers, consumers) = members.withLock { members in
      members.empty = empty
      members.hasEnded = true
      return (members.producers, Array(members.consumers.values))
    }
    for consumer in consumers { consumer.end() }
    let longest = consumers.map { $0.terminationTime }.max()
    // The task is cancelled already; leaving has time limits of its own.
    await Task {
      if let longest { await empty.wait(atMost: longest + Self.leaveLimit) }
      await self.tracers.flush()
      // A broker that does not answer is waited for once, and not for each group.
      await withDiscardingTaskGroup { tasks in
        for group in producers { tasks.addTask { await self.unregister(producer: group, consumer: nil) } }
      }
    }.value
  }

  /// A broker does not know a consumer of this client, as after its own restart or a lost connection: it is told now
  /// and not with the next heartbeat, before which it would hand out nothing. Asked for too often it does nothing.
  func remind(_ broker: String) async {
    let now = SystemClock.monotonic()
    let isDue = reminded.withLock { reminded in
      if let last = reminded[broker], now - last < Self.remindInterval { return false }
      reminded[broker] = now
      return true
    }
    if isDue { await heartbeat(at: [broker]) }
  }

  private func unregister(producer: String?, consumer: String?) async {
    let runtime = runtime
    let request = UnregisterClient.Request(
      clientID: runtime.clientID, producerGroup: producer, consumerGroup: consumer)
    await withDiscardingTaskGroup { group in
      for address in runtime.routes.brokers.values.flatMap(\.values) {
        group.addTask {
          do throws(ClientError) {
            _ = try await runtime.ask(request, at: address)
          } catch {
            // The broker finds out by the closed connection.
            runtime.log.debug("client", "a group was not left", ["broker": address, "cause": error])
          }
        }
      }
    }
  }
}
