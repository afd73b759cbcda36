import ApusAccess
import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSigning
import ApusStore
package import ApusSystem
import Synchronization

/// What the broker keeps for one event loop. Everything but ``parkedCount`` is used on that loop's thread only.
package final class BrokerLoop: @unchecked Sendable {
  /// The loop.
  package let loop: EventLoop
  /// What the loop's requests moved, taken over into the broker's statistics now and then.
  var traffic = Traffic()
  /// Pulls that wait for a message.
  var parked: ParkedPulls<HeldPull>
  /// Sends that wait for the device.
  var pending = PendingAcknowledgements<PendingSend>()
  /// Messages of the broker's own whose makers wait for the device.
  var awaited = PendingAcknowledgements<AwaitedMessage>()
  /// Messages of the broker's own that the store did not take yet.
  var waitingForStore: [WaitingMessage] = []
  /// What the records of ``waitingForStore`` take.
  var bytesWaitingForStore = 0
  /// Expressions of pulls, read once.
  var subscriptions = SubscriptionCache()
  /// Conditions of pulls, compiled once.
  var conditions = ConditionCache()
  /// Memory for the properties of the message being stored.
  var properties = ByteWriter(capacity: 4096)
  /// How sends are answered.
  var answer: SendAnswer
  /// Memory for the result of a pull.
  var fetch = Fetch()
  /// Memory for pulls taken out of ``parked``.
  var released: [ParkedPulls<HeldPull>.Released] = []
  /// Queues by the topic's number and the queue's id, so that a send finds its queue without the store.
  private var queues: [[ConsumeQueue?]] = []
  /// What I/O threads read now for requests that wait with their connections.
  var beingRead: Set<ColdPart> = []
  /// Queues whose files could not be read when a send asked for them, until the send is told.
  var unreadableQueues: [QueueKey: DiskError] = [:]
  /// Whether messages were appended in this turn.
  var hasAppended = false
  /// Whether delayed messages were appended in this turn.
  var hasDelayed = false
  /// Whether the send path asked for the device in this turn.
  var wantsFlush = false
  /// Whether clients came or went in this turn.
  var clientsChanged = false
  /// Whether the process is stopping: pulls are answered and wait no longer.
  var isDraining = false
  /// Messages of this turn that pulls wait for.
  var arrivals: [Arrival] = []
  /// What clients may do.
  var serving: BrokerSettings.Serving {
    didSet {
      answer = SendAnswer(host: identity.storeHost, region: identity.region, traceOn: serving.traceOn)
      covered = []
    }
  }
  /// Who may do what; nil while access control is off.
  var access: AccessFiles.Snapshot?
  /// What the sender of the request at hand may do besides what was checked when it came.
  var grant = AccessGrant.unlimited
  /// Memory for checking signatures.
  private var signedContent = SignedContent()
  /// By the topic's number, whether ``serving`` covers it; nil where nobody asked yet.
  private var covered: [Bool?] = []
  private let identity: BrokerIdentity
  /// Chooses queues for sends that leave that to the broker.
  var random = SystemRandom()
  private var pairs: [UInt64: Int32] = [:]
  /// How many pulls wait here, for other loops to read.
  let parkedCount = Atomic(0)
  /// How many messages wait here for the store, for the end of the process to read.
  let pendingCount = Atomic(0)

  /// Makes the state of a loop whose parked pulls are bounded.
  package init(
    loop: EventLoop, identity: BrokerIdentity, serving: BrokerSettings.Serving, parkedLimit: Int,
    parkedPerConnection: Int
  ) {
    self.loop = loop
    self.identity = identity
    self.serving = serving
    answer = SendAnswer(host: identity.storeHost, region: identity.region, traceOn: serving.traceOn)
    parked = ParkedPulls(capacity: parkedLimit, perConnection: parkedPerConnection)
  }

  /// Checks a request before its handler sees it; throws how it is refused.
  func checkAccess(_ request: borrowing Request, from peer: HostAddress, _ list: AccessList) throws(Refusal) {
    grant = try list.check(request, from: peer, &signedContent)
  }

  /// Goes by another list, unless it is older than this one.
  func adopt(_ snapshot: AccessFiles.Snapshot) {
    if snapshot.generation > access?.generation ?? 0 { access = snapshot }
  }

  /// The queue that a send of this loop has used before.
  func queue(topic: Topic, id: Int32) -> ConsumeQueue? { queue(number: QueueKey(topic: topic.id, queue: id)) }

  /// Remembers a queue for the next send.
  func remember(_ queue: ConsumeQueue, topic: Topic) {
    let row = Int(topic.id)
    while queues.count <= row { queues.append([]) }
    while queues[row].count <= Int(queue.id) { queues[row].append(nil) }
    queues[row][Int(queue.id)] = queue
  }

  /// Whether repetitions of sends to a topic are looked for.
  func covers(_ topic: Topic) -> Bool {
    let row = Int(topic.id)
    if row < covered.count, let known = covered[row] { return known }
    while covered.count <= row { covered.append(nil) }
    let answer = serving.duplicates.covers(topic.name)
    covered[row] = answer
    return answer
  }

  /// Forgets the queues of a topic that is gone.
  func forget(topic: Int32) {
    if Int(topic) < covered.count { covered[Int(topic)] = nil }
    if Int(topic) < queues.count { queues[Int(topic)] = [] }
  }

  /// Makes sure that a tick comes when the next parked pull or waiting send may be due.
  func requestTick() {
    if !parked.isEmpty { loop.requestTick(at: loop.now + ParkedPulls<HeldPull>.scanInterval) }
    if let deadline = pending.nextDeadline { loop.requestTick(at: deadline) }
    if let deadline = awaited.nextDeadline { loop.requestTick(at: deadline) }
    // What the end of the turn itself appended becomes visible with the next one.
    if hasAppended { loop.requestTick(at: loop.now) }
  }

  /// Publishes how many pulls wait.
  func publishParked() { parkedCount.store(parked.count, ordering: .releasing) }

  /// Publishes how many messages wait for the store.
  func publishPending() {
    pendingCount.store(pending.count + awaited.count + waitingForStore.count, ordering: .relaxed)
  }

  /// The queue of a key, if a send of this loop has used it.
  func queue(number key: QueueKey) -> ConsumeQueue? {
    guard Int(key.topic) < queues.count, Int(key.queue) < queues[Int(key.topic)].count else { return nil }
    return queues[Int(key.topic)][Int(key.queue)]
  }

  /// The number under which statistics count what a group takes from a topic.
  func pair(topic: Topic, group: SubscriptionGroup, _ statistics: Locked<BrokerStats>) -> Int32 {
    let topicID = LightQueues.isLight(topic.name) ? BrokerStats.lightTopic : topic.id
    let isLightGroup = LightQueues.isLight(group.name)
    // No group has the number -1.
    let groupID = isLightGroup ? -1 : group.id
    let key = UInt64(UInt32(bitPattern: topicID)) << 32 | UInt64(UInt32(bitPattern: groupID))
    if let known = pairs[key] { return known }
    let name = isLightGroup ? SystemTopics.lightQueuePrefix : group.name
    let made = statistics.withLock { $0.pair(topic: topicID, group: name) }
    pairs[key] = made
    return made
  }
}

/// A message that has just become visible in a queue.
struct Arrival: Sendable {
  var queue: QueueKey
  var offset: Int64
  var tagsCode: Int64
}

/// Which queue of the broker a store's queue is: kept as its attachment.
final class QueueTag: Sendable {
  let key: QueueKey

  init(_ key: QueueKey) { self.key = key }
}
