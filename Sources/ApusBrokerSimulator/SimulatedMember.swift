import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSimulator
import ApusSystem

/// A member of a group. It decides with the production client's pure cores: `AllocationStrategy` which queues are its
/// own among the members that the broker names, `ProcessQueue` how far it has come in each. It finishes messages in any
/// order unless the group consumes in order, gives some back, and comes, leaves and crashes.
final class SimulatedMember {
  typealias Queue = SimulatedQueue

  /// A queue that is this member's at present.
  private struct Work {
    /// Tells it from the same queue at another time, for answers that come late.
    var number: Int
    var messages: ProcessQueue<ScannedLog.Record>
    /// Where the next pull begins.
    var next: Int64
    var isPulled = false
    /// What is being consumed.
    var inHand: [ScannedLog.Record] = []
    /// The offset that the broker took last.
    var committed: Int64?
    /// Nil where no lock is held or needed.
    var lock: QueueLock?
    /// It belongs to somebody else, and is given up when what is in hand is done.
    var isLeaving = false
  }

  private static let limits = (count: 8, bytes: 4096, span: 12 as Int64)

  /// Another one after each end, as every process has its own.
  private(set) var clientID: String
  private let name: String
  private var lives = 1
  private unowned let group: SimulatedGroup
  private let world: SimulatedWorld
  private var peer: SimulatedPeer?
  private var works: [Queue: Work] = [:]
  private var lastWork = 0
  /// How often each queue was given back: an answer to a lock from before means nothing any more.
  private var unlocks: [Queue: Int] = [:]
  /// Members came or went.
  private var isUneven = true

  init(_ name: String, of group: SimulatedGroup, _ world: SimulatedWorld) {
    self.name = name
    clientID = "\(name)#1"
    self.group = group
    self.world = world
  }

  // MARK: Coming and going

  /// The broker has started anew. A member that is there goes on with what it has, unless it `isNew`.
  func reconnect(isNew: Bool) {
    if isNew { works = [:] }
    for queue in works.keys { works[queue]?.isPulled = false }
    let wasThere = peer != nil
    peer = nil
    if wasThere || world.chance(2, in: 3) { join() }
  }

  private func join() {
    guard let peer = world.dial(clientID) else { return }
    self.peer = peer
    isUneven = true
    world.count("members came")
    peer.onRequest = { [weak self] command in
      if RequestCode(command.header.code) == .notifyConsumerIDsChanged { self?.isUneven = true }
    }
    heartbeat(peer)
  }

  private func heartbeat(_ peer: SimulatedPeer) {
    peer.heartbeat(clientID, group: group.name, topics: group.queues.keys)
  }

  /// Ends: in order it commits, gives its queues back and says so; else all of that is left to others.
  private func end(_ peer: SimulatedPeer, inOrder: Bool) {
    world.count(inOrder ? "members left" : "members crashed")
    if inOrder {
      for queue in ownQueues { giveUp(queue, peer) }
      let request = UnregisterClient.Request(clientID: clientID, consumerGroup: group.name)
      peer.ask(.unregisterClient, request.fields) { _ in }
    }
    works = [:]
    group.left(clientID)
    self.peer = nil
    peer.drop()
    lives += 1
    clientID = "\(name)#\(lives)"
  }

  private var ownQueues: [Queue] { works.keys.sorted { ($0.topic, $0.id) < ($1.topic, $1.id) } }

  /// Does something.
  func act() {
    guard let peer else {
      if world.isSettling || world.chance(1, in: 4) { join() }
      return
    }
    guard peer.waitingCount < 8 else { return }
    if isUneven, world.chance(1, in: 2) { return rebalance(peer) }
    let choice = Int.random(in: 0..<32, using: &world.random)
    switch choice {
    case 0: heartbeat(peer)
    case 1: rebalance(peer)
    case 2 where !world.isSettling && world.chance(1, in: 3): end(peer, inOrder: world.chance(1, in: 2))
    case 3 where group.isOrderly: lock(ownQueues, peer)
    default:
      guard let queue = ownQueues.randomElement(using: &world.random) else { return rebalance(peer) }
      switch choice {
      case 4..<8: commit(queue, peer)
      case 8..<16: pull(queue, peer)
      default: if group.isOrderly { consumeInOrder(queue, peer) } else { consume(queue, peer) }
      }
    }
  }

  // MARK: Sharing queues out

  private func rebalance(_ peer: SimulatedPeer) {
    isUneven = false
    let request = GetConsumerListByGroup.Request(consumerGroup: group.name)
    peer.ask(.getConsumerListByGroup, request.fields) { [weak self] answer in
      guard let self, peer === self.peer else { return }
      guard let answer, answer.responseCode == .success else {
        isUneven = true
        return
      }
      do throws(DecodeError) {
        let members = Set(try ConsumerIDList(bytes: answer.body.rawSpan).clientIDs).sorted()
        // A broker that does not know this one yet is told first.
        if members.contains(clientID) { return share(among: members, peer) }
        heartbeat(peer)
        isUneven = true
      } catch {
        world.fail("the list of the members of \(group.name) cannot be read: \(error)")
      }
    }
  }

  private func share(among members: [String], _ peer: SimulatedPeer) {
    for (topic, queues) in group.queues.sorted(by: { $0.key < $1.key }) {
      let all = queues.map(\.messageQueue).sorted()
      let own = AllocationStrategy.average.allocate(all, among: members, to: clientID)
        .map { Queue(topic: topic, id: $0.queueID) }
      for queue in ownQueues where queue.topic == topic && !own.contains(queue) { giveUp(queue, peer) }
      for queue in own where works[queue] == nil {
        if group.isOrderly { lock([queue], peer) } else { begin(queue, nil, peer) }
      }
    }
  }

  /// Gives a queue up, which in order has to wait for what is in hand.
  private func giveUp(_ queue: Queue, _ peer: SimulatedPeer) {
    guard let work = works[queue] else { return }
    world.count("queues given up")
    guard !group.isOrderly || work.inHand.isEmpty else {
      works[queue]?.isLeaving = true
      return
    }
    commit(queue, peer)
    works[queue] = nil
    guard group.isOrderly else { return }
    unlocks[queue, default: 0] += 1
    let wish = LockRequestBody(group: group.name, clientID: clientID, queues: [queue.messageQueue])
    peer.ask(.unlockBatchMessageQueue, [], body: wish.bytes()) { _ in }
  }

  /// Begins with a queue where the group is.
  private func begin(_ queue: Queue, _ lock: QueueLock?, _ peer: SimulatedPeer) {
    let unlocked = unlocks[queue]
    peer.ask(.queryConsumerOffset, queue.fields(of: group.name)) { [weak self] answer in
      guard let self, let answer, peer === self.peer, works[queue] == nil, unlocks[queue] == unlocked else { return }
      var offset: Int64 = 0
      switch answer.responseCode {
      case .success: offset = answer.int64("offset") ?? 0
      case .queryNotFound: break
      default: return
      }
      group.passes(offset, of: queue, clientID)
      lastWork += 1
      works[queue] = Work(number: lastWork, messages: ProcessQueue(from: offset), next: offset, lock: lock)
    }
  }

  // MARK: Locks

  /// Asks for queues, for those it has and new ones.
  private func lock(_ queues: [Queue], _ peer: SimulatedPeer) {
    guard !queues.isEmpty else { return }
    let lock = QueueLock(asked: world.machine.monotonic, start: world.startCount)
    let unlocks = unlocks
    let wish = LockRequestBody(group: group.name, clientID: clientID, queues: queues.map(\.messageQueue))
    peer.ask(.lockBatchMessageQueue, [], body: wish.bytes()) { [weak self] answer in
      guard let self, let answer, peer === self.peer, answer.responseCode == .success else { return }
      do throws(DecodeError) {
        let locked = try LockResponseBody(bytes: answer.body).queues.map { Queue(topic: $0.topic, id: $0.queueID) }
        for queue in queues where self.unlocks[queue] == unlocks[queue] {
          let isLocked = locked.contains(queue)
          if works[queue] != nil {
            works[queue]?.lock = isLocked ? lock : nil
          } else if isLocked {
            begin(queue, lock, peer)
          }
        }
      } catch {
        world.fail("the answer to a lock cannot be read: \(error)")
      }
    }
  }

  private func isLocked(_ work: Work) -> Bool { work.lock.map { world.machine.monotonic < $0.trustEnd } ?? false }

  // MARK: Messages

  private func pull(_ queue: Queue, _ peer: SimulatedPeer) {
    guard let work = works[queue], !work.isPulled, !work.isLeaving, !group.isOrderly || isLocked(work) else { return }
    let limits = ProcessQueue<ScannedLog.Record>.Limits(
      count: Self.limits.count, bytes: Self.limits.bytes, span: group.isOrderly ? nil : Self.limits.span)
    guard !work.messages.isFull(limits) else { return }
    let progress = progress(work)
    if progress > 0 { group.passes(progress, of: queue, clientID) }
    let pull = SimulatedPull(
      group: group.name, queue: queue, from: work.next, limit: Int64.random(in: 1...8, using: &world.random),
      commit: progress > 0 ? progress : nil)
    works[queue]?.isPulled = true
    peer.ask(.pullMessage, pull.fields) { [weak self] answer in
      guard let self, peer === self.peer, works[queue]?.number == work.number else { return }
      works[queue]?.isPulled = false
      if let answer { take(answer, pull) }
    }
  }

  private func take(_ answer: Command, _ pull: SimulatedPull) {
    guard let next = answer.int64("nextBeginOffset") else { return }
    var records: [ScannedLog.Record] = []
    switch answer.responseCode {
    case .success:
      guard let found = world.records(of: pull, answer.body) else { return }
      records = found
    case .pullNotFound, .pullRetryImmediately: break
    case .pullOffsetMoved where next > pull.from: break
    case .pullOffsetMoved:
      // The queue ends before: it is begun anew.
      works[pull.queue] = nil
      isUneven = true
      return
    default: return
    }
    group.gave(records, of: pull.queue)
    works[pull.queue]?.messages.put(
      records.map { (offset: $0.queueOffset, bytes: $0.body.count, message: $0) }, nextOffset: next)
    works[pull.queue]?.next = next
  }

  /// Takes some messages, or is done with one of those in hand.
  private func consume(_ queue: Queue, _ peer: SimulatedPeer) {
    guard var work = works[queue] else { return }
    guard let index = work.inHand.indices.randomElement(using: &world.random), world.chance(2, in: 3) else {
      work.inHand += work.messages.take(Int.random(in: 1...3, using: &world.random)).map(\.message)
      works[queue] = work
      return
    }
    let record = work.inHand.remove(at: index)
    guard !world.isSettling, world.chance(1, in: 8), let key = record.key else {
      group.consumes(record, of: queue, clientID)
      work.messages.finish([record.queueOffset])
      works[queue] = work
      return
    }
    works[queue] = work
    giveBack(record, key, queue, peer)
  }

  /// Asks the broker to deliver a message again later. One that it does not take is consumed here.
  private func giveBack(_ record: ScannedLog.Record, _ key: String, _ queue: Queue, _ peer: SimulatedPeer) {
    guard let number = works[queue]?.number else { return }
    let one = AuditedLog.Try(key: key, group: group.name, times: record.reconsumeTimes)
    world.tries.ask(one)
    let request = ConsumerSendMessageBack.Request(
      offset: record.offset, group: group.name, delayLevel: 0, maxReconsumeTimes: world.tries.limit)
    peer.ask(.consumerSendMessageBack, request.fields) { [weak self] answer in
      guard let self else { return }
      let isTaken = answer?.responseCode == .success
      if isTaken { world.tries.answer(one, world.promise) }
      guard works[queue]?.number == number else { return }
      guard isTaken else {
        works[queue]?.inHand.append(record)
        return
      }
      group.consumes(record, of: queue, clientID)
      works[queue]?.messages.finish([record.queueOffset])
    }
  }

  /// Takes some messages that the lock lets it have, or is done with all in hand, or puts them back.
  private func consumeInOrder(_ queue: Queue, _ peer: SimulatedPeer) {
    guard let lock = works[queue]?.lock, let work = works[queue], isLocked(work) else {
      return self.lock([queue], peer)
    }
    if work.inHand.isEmpty {
      guard !work.isLeaving else { return giveUp(queue, peer) }
      let taken = works[queue]?.messages.take(Int.random(in: 1...3, using: &world.random)).map(\.message) ?? []
      guard !taken.isEmpty else { return }
      group.begins(queue, clientID, lock)
      works[queue]?.inHand = taken
      return
    }
    works[queue]?.inHand = []
    if world.isSettling || world.chance(3, in: 4) {
      for record in work.inHand { group.consumes(record, of: queue, clientID) }
      works[queue]?.messages.finish(work.inHand.map(\.queueOffset))
    } else {
      works[queue]?.messages.putBack()
    }
    group.ends(queue, clientID)
    if work.isLeaving { giveUp(queue, peer) }
  }

  // MARK: Progress

  /// Up to where a queue counts as consumed.
  private func progress(_ work: Work) -> Int64 { world.canary == .commitGiven ? work.next : work.messages.consumed }

  private func commit(_ queue: Queue, _ peer: SimulatedPeer) {
    guard let work = works[queue] else { return }
    let offset = progress(work)
    guard offset != work.committed else { return }
    group.passes(offset, of: queue, clientID)
    peer.ask(.updateConsumerOffset, queue.fields(of: group.name, commit: offset)) { [weak self] answer in
      guard let self, answer?.responseCode == .success, works[queue]?.number == work.number else { return }
      works[queue]?.committed = offset
    }
  }
}
