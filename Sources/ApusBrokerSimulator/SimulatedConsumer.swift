import ApusBase
import ApusModel
import ApusProtocol
import ApusSimulator

/// Consumes the messages of its group: pulls, gives back what it could not handle, and tells where it is. After a
/// restart it goes on where the broker says.
final class SimulatedConsumer {
  typealias Queue = SimulatedQueue

  /// A message that it was given.
  struct Given: Hashable {
    var key: String
    var offset: Int64
  }

  static let group = "readers"
  static let retryTopic = "%RETRY%readers"

  let queues: [Queue]
  private let world: SimulatedWorld
  private var peer: SimulatedPeer?
  /// From where it pulls next; nil where it has to ask first.
  private var next: [Queue: Int64] = [:]
  private var given: [Queue: Set<Given>] = [:]
  /// What it told last and had an answer for, and what it told since: the broker has one of them.
  private var told: [Queue: [Int64]] = [:]
  /// What the file of offsets said when the broker started; the broker must not have gone back behind it.
  private var kept: [Queue: Int64] = [:]
  /// Where the queues ended when the broker started.
  private var ends: [Queue: Int64] = [:]

  init(_ world: SimulatedWorld) {
    self.world = world
    queues = world.queues + [Queue(topic: Self.retryTopic, id: 0)]
  }

  /// Goes on over a new connection. `kept` is what the file of offsets said before the broker started, `ends` where the
  /// queues end. A consumer that `isNew` asks the broker where to go on.
  func connect(_ peer: SimulatedPeer, kept: [Queue: Int64], ends: [Queue: Int64], isNew: Bool) {
    self.peer = peer
    self.kept = kept
    self.ends = ends
    if isNew { next = [:] }
    peer.onRequest = { _ in }
    peer.heartbeat("consumer@1", group: Self.group, topics: Set(queues.map(\.topic)))
  }

  /// Does something.
  func act() {
    guard let peer, peer.waitingCount < 8, let queue = queues.randomElement(using: &world.random) else { return }
    guard next[queue] != nil else { return ask(queue, peer) }
    if world.chance(1, in: 5) { tell(queue, peer) } else { pull(queue, peer) }
  }

  /// The messages that it should have been given by now.
  func missing(in audited: AuditedLog) -> String? {
    for record in audited.records {
      let queue = Queue(topic: record.topic, id: record.queueID)
      guard queues.contains(queue), let key = record.key, !world.isExpired(record) else { continue }
      if given[queue]?.contains(Given(key: key, offset: record.offset)) != true {
        return "\(Self.group) missed \(key), which is in \(record.topic)/\(record.queueID) at \(record.queueOffset)"
      }
    }
    return nil
  }

  // MARK: Offsets

  private func ask(_ queue: Queue, _ peer: SimulatedPeer) {
    peer.ask(.queryConsumerOffset, queue.fields(of: Self.group)) { [weak self] answer in
      guard let self, let answer, peer === self.peer, next[queue] == nil else { return }
      if answer.responseCode == .success, let offset = answer.int64("offset") {
        check(offset, queue)
        next[queue] = offset
      } else if answer.responseCode == .queryNotFound {
        next[queue] = 0
      }
    }
  }

  /// The broker may have forgotten what it had not written, not more.
  private func check(_ offset: Int64, _ queue: Queue) {
    let least = min(kept[queue] ?? 0, ends[queue] ?? 0)
    if offset < least {
      world.fail("\(Self.group) goes on at \(offset) in \(queue), although \(least) was written")
    }
    if offset > (told[queue] ?? []).max() ?? 0 {
      world.fail("\(Self.group) goes on at \(offset) in \(queue), where it never was")
    }
  }

  private func tell(_ queue: Queue, _ peer: SimulatedPeer) {
    guard let offset = next[queue] else { return }
    told[queue, default: []].append(offset)
    peer.ask(.updateConsumerOffset, queue.fields(of: Self.group, commit: offset)) { _ in }
  }

  // MARK: Messages

  private func pull(_ queue: Queue, _ peer: SimulatedPeer) {
    guard let from = next[queue] else { return }
    let limit = Int64.random(in: 1...16, using: &world.random)
    let pull = SimulatedPull(group: Self.group, queue: queue, from: from, limit: limit)
    peer.ask(.pullMessage, pull.fields) { [weak self] answer in
      guard let self, let answer, peer === self.peer, next[queue] == from else { return }
      if answer.responseCode == .success {
        guard let records = world.records(of: pull, answer.body) else { return }
        take(records, queue)
      }
      guard
        answer.responseCode == .success || answer.responseCode == .pullOffsetMoved
          || answer.responseCode == .pullRetryImmediately
      else { return }
      if let offset = answer.int64("nextBeginOffset") { next[queue] = offset }
    }
  }

  private func take(_ records: [ScannedLog.Record], _ queue: Queue) {
    for record in records {
      guard let key = record.key else { continue }
      given[queue, default: []].insert(Given(key: key, offset: record.offset))
      if world.chance(1, in: 6), !world.isSettling { giveBack(key, record) }
    }
  }

  private func giveBack(_ key: String, _ record: ScannedLog.Record) {
    let one = AuditedLog.Try(key: key, group: Self.group, times: record.reconsumeTimes)
    world.tries.ask(one)
    sendBack(record.offset, level: world.chance(1, in: 6) ? -1 : 0) { [world] answer in
      if answer?.responseCode == .success { world.tries.answer(one, world.promise) }
    }
  }

  /// Tries to be given what was not delivered, by its place in the log.
  func steal(_ record: ScannedLog.Record) {
    sendBack(record.offset, level: 0) { [world] answer in
      guard answer?.responseCode == .success else { return }
      world.fail("the record of \(record.topic) at \(record.offset) was taken back, although nobody was given it")
    }
  }

  private func sendBack(_ offset: Int64, level: Int32, then completion: @escaping SimulatedPeer.Completion) {
    let request = ConsumerSendMessageBack.Request(
      offset: offset, group: Self.group, delayLevel: level, maxReconsumeTimes: world.tries.limit)
    peer?.ask(.consumerSendMessageBack, request.fields, then: completion)
  }
}
