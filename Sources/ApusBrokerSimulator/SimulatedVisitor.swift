import ApusBase
import ApusProtocol
import ApusSimulator

/// Reads the topics that come and go, each from its beginning time and again, and tells where it is. What it reads is
/// held against ``FleetingTopics``.
final class SimulatedVisitor {
  typealias Queue = SimulatedQueue

  static let group = "visitors"

  /// A reading under way.
  private struct Visit {
    var reading: FleetingTopics.Reading
    /// The queues that are still to be read, the present one first.
    var queues: [Queue]
    /// From where it pulls next.
    var next: Int64 = 0
    /// What the next message's queue offset must be; nil before the first one.
    var expected: Int64?
    /// How far the queues were read.
    var ends: [Queue: Int64] = [:]
  }

  private let world: SimulatedWorld
  private var peer: SimulatedPeer?
  private var visit: Visit?
  /// Topics of which a reading was looked at since the broker started.
  private var read: Set<String> = []

  init(_ world: SimulatedWorld) { self.world = world }

  /// Begins anew over a new connection.
  func connect(_ peer: SimulatedPeer) {
    self.peer = peer
    peer.onRequest = { _ in }
    visit = nil
    read = []
    act()
  }

  /// Goes on reading, one request at a time.
  func act() {
    guard let peer, peer.waitingCount == 0 else { return }
    if let visit { return pull(visit, peer) }
    let topics = world.isSettling ? FleetingTopics.names.filter { !read.contains($0) } : FleetingTopics.names
    guard let topic = topics.randomElement(using: &world.random) else { return }
    let queues = (0..<world.queueCount).map { Queue(topic: topic, id: $0) }
    visit = Visit(reading: .init(topic: topic, began: world.fleeting.moment()), queues: queues)
    guard world.chance(1, in: 2), let queue = queues.randomElement(using: &world.random) else { return act() }
    ask(queue, peer)
  }

  /// A topic that it should have read by now.
  var missing: String? {
    FleetingTopics.names.first { !read.contains($0) }.map { "\($0) was not read to its end" }
  }

  // MARK: Offsets

  private func ask(_ queue: Queue, _ peer: SimulatedPeer) {
    let asked = world.fleeting.moment()
    peer.ask(.queryConsumerOffset, queue.fields(of: Self.group)) { [world] answer in
      guard let answer, answer.responseCode == .success, let offset = answer.int64("offset") else {
        return
      }
      do throws(SimulationFailure) {
        try world.fleeting.check(offset, of: queue, asked: asked)
      } catch {
        world.fail(error.description)
      }
    }
  }

  private func tell(_ offset: Int64, _ queue: Queue, _ peer: SimulatedPeer) {
    world.fleeting.tells(offset, of: queue)
    // A second one that came late could come after a deletion.
    peer.ask(.updateConsumerOffset, queue.fields(of: Self.group, commit: offset), isRepeatable: false) { [world] _ in
      world.fleeting.told(of: queue)
    }
  }

  // MARK: Messages

  private func pull(_ visit: Visit, _ peer: SimulatedPeer) {
    guard let queue = visit.queues.first else { return }
    let pull = SimulatedPull(group: Self.group, queue: queue, from: visit.next, limit: 16)
    peer.ask(.pullMessage, pull.fields) { [weak self] answer in
      guard let self, peer === self.peer, self.visit != nil else { return }
      take(answer, pull, peer)
    }
  }

  private func take(_ answer: Command?, _ pull: SimulatedPull, _ peer: SimulatedPeer) {
    // What is not answered is asked again.
    guard let answer else { return }
    let next = answer.int64("nextBeginOffset") ?? pull.from
    switch answer.responseCode {
    case .success:
      guard let records = world.records(of: pull, answer.body) else { return }
      note(records, of: pull.queue)
      visit?.next = next
    case .pullRetryImmediately where next > pull.from, .pullOffsetMoved where next > pull.from: visit?.next = next
    case .pullNotFound, .pullOffsetMoved, .topicNotExist:
      if let end = answer.int64("maxOffset"), pull.from < end {
        // There is more, which a failing disk does not give now: what was read says nothing of that.
        visit = nil
      } else {
        endQueue(pull, peer)
      }
    default:
      // The broker is busy, or its disk fails.
      visit = nil
    }
  }

  private func note(_ records: [ScannedLog.Record], of queue: Queue) {
    for record in records {
      let expected = visit?.expected ?? (world.keepsAll ? 0 : record.queueOffset)
      guard record.queueOffset == expected else {
        return world.fail("\(queue) has the message at \(record.offset) at \(record.queueOffset), not \(expected)")
      }
      visit?.expected = expected + 1
      if let key = record.key { visit?.reading.served.insert(.init(key: key, offset: record.offset)) }
    }
  }

  private func endQueue(_ pull: SimulatedPull, _ peer: SimulatedPeer) {
    visit?.ends[pull.queue] = pull.from
    visit?.queues.removeFirst()
    visit?.next = 0
    visit?.expected = nil
    guard let visit, visit.queues.isEmpty else { return }
    self.visit = nil
    do throws(SimulationFailure) {
      guard try world.fleeting.judge(visit.reading, isExpired: world.mayBeGone) else { return }
    } catch {
      return world.fail(error.description)
    }
    read.insert(visit.reading.topic)
    world.count("topics read")
    guard !world.fleeting.isBusy(visit.reading.topic) else { return }
    for (queue, end) in visit.ends.sorted(by: { $0.key.id < $1.key.id }) where end > 0 && world.chance(1, in: 3) {
      tell(end, queue, peer)
    }
  }
}
