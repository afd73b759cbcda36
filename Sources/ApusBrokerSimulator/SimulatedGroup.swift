import ApusBase
import ApusSimulator
import ApusSystem

/// A group whose members share the queues out among themselves, and what it has done as a whole: the truth that its
/// members' progress is held against.
///
/// - Every message is consumed by some member, at least once.
/// - No committed offset, and none that the broker names or keeps, passes a message that nobody consumed.
/// - In order, one member at a time is at work on a queue, and a message is consumed after all before it.
final class SimulatedGroup {
  typealias Queue = SimulatedQueue
  typealias Given = SimulatedConsumer.Given

  /// Who is at work on a queue that is consumed in order.
  private struct Work {
    var member: String
    var lock: QueueLock
  }

  let name: String
  /// Whether queues are locked and consumed in order.
  let isOrderly: Bool
  /// The queues to share out, by topic.
  let queues: [String: [Queue]]
  private let world: SimulatedWorld
  private(set) var members: [SimulatedMember] = []
  /// What members were given of each queue, by queue offset.
  private var given: [Queue: [Int64: ScannedLog.Record]] = [:]
  private var consumed: [Queue: Set<Given>] = [:]
  private var atWork: [Queue: Work] = [:]

  init(_ name: String, isOrderly: Bool, memberCount: Int, _ world: SimulatedWorld) {
    self.name = name
    self.isOrderly = isOrderly
    self.world = world
    queues = Dictionary(grouping: world.queues + [Queue(topic: "%RETRY%" + name, id: 0)], by: \.topic)
    members = (1...memberCount).map { SimulatedMember("\(name)@\($0)", of: self, world) }
  }

  /// The broker has started: `kept` is what its file of offsets said, `audited` what its log holds. Members go on over
  /// new connections; after messages were lost, with nothing in hand.
  func connect(kept: [Queue: Int64], _ audited: AuditedLog, isNew: Bool) {
    atWork = [:]
    for (queue, records) in audited.byQueue {
      let end = min(kept[queue] ?? 0, audited.ends[queue] ?? 0)
      for record in records where record.queueOffset < end && isLeft(record, queue) {
        let key = record.key ?? ""
        world.fail("\(name) is kept at \(end) in \(queue), and nobody consumed \(key) at \(record.queueOffset)")
      }
    }
    for queue in given.keys {
      given[queue] = given[queue]?.filter { audited.byOffset[$0.value.offset] == $0.value }
    }
    for member in members { member.reconnect(isNew: isNew) }
  }

  /// One of the members does something.
  func act() { members.randomElement(using: &world.random)?.act() }

  /// A message that some member should have consumed by now.
  func missing(in audited: AuditedLog) -> String? {
    for queue in queues.values.joined().sorted(by: { ($0.topic, $0.id) < ($1.topic, $1.id) }) {
      for record in audited.byQueue[queue] ?? [] {
        guard isLeft(record, queue) else { continue }
        return "\(name) missed \(record.key ?? ""), which is in \(queue) at \(record.queueOffset)"
      }
    }
    return nil
  }

  // MARK: What members do

  /// Whether a message is still to be consumed.
  private func isLeft(_ record: ScannedLog.Record, _ queue: Queue) -> Bool {
    guard let given = record.given, consumed[queue]?.contains(given) != true else { return false }
    return !world.isExpired(record)
  }

  /// A member was given messages.
  func gave(_ records: [ScannedLog.Record], of queue: Queue) {
    for record in records { given[queue, default: [:]][record.queueOffset] = record }
  }

  /// The oldest message before an offset that somebody was given and nobody consumed.
  private func unconsumed(before offset: Int64, in queue: Queue) -> Given? {
    let left = (given[queue] ?? [:]).filter { $0.key < offset && isLeft($0.value, queue) }
    return left.min { $0.key < $1.key }?.value.given
  }

  /// A member consumed a message, or the broker took it back.
  func consumes(_ record: ScannedLog.Record, of queue: Queue, _ member: String) {
    guard let given = record.given else { return }
    if isOrderly, let before = unconsumed(before: record.queueOffset, in: queue) {
      world.fail("\(member) consumes \(given.key) of \(queue) before \(before.key)")
    }
    consumed[queue, default: []].insert(given)
    world.count(isOrderly ? "consumed in order" : "consumed")
  }

  /// A member commits an offset, or goes on at one.
  func passes(_ offset: Int64, of queue: Queue, _ member: String) {
    if let given = unconsumed(before: offset, in: queue) {
      world.fail("\(member) is at \(offset) in \(queue), and nobody consumed \(given.key)")
    }
  }

  /// A member that has a lock begins to work on a queue.
  func begins(_ queue: Queue, _ member: String, _ lock: QueueLock) {
    if let other = atWork[queue], other.member != member, other.lock.start == lock.start,
      world.machine.monotonic < other.lock.leaseEnd
    {
      world.fail("\(member) and \(other.member) are at work on \(queue)")
    }
    atWork[queue] = Work(member: member, lock: lock)
  }

  /// It is done.
  func ends(_ queue: Queue, _ member: String) { if atWork[queue]?.member == member { atWork[queue] = nil } }

  /// A member is gone, whatever it was doing.
  func left(_ member: String) { atWork = atWork.filter { $0.value.member != member } }
}

extension ScannedLog.Record {
  /// Which message it is for who was given it.
  var given: SimulatedConsumer.Given? { key.map { SimulatedConsumer.Given(key: $0, offset: offset) } }
}
