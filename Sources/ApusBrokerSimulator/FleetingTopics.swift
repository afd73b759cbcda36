import ApusSimulator

/// Topics that administrators delete and that sends make again: what was sent to them and when they were deleted, and
/// so what must be readable and what must not. It knows nothing of how a broker deletes.
///
/// - What was there before a deletion that was answered is never readable afterwards.
/// - What was sent after a deletion is readable as long as the answer to its sender promises.
/// - A deletion that was refused or not answered has happened or not by the next start, as a whole. Until then the
///   broker may try it again at any time.
/// - A group's offsets go with the topic.
struct FleetingTopics {
  typealias Queue = SimulatedQueue
  /// When something happened: what came later has the higher number.
  typealias Moment = Int

  /// A message at one place of the log. The same message at another place is another copy.
  struct Copy: Hashable {
    var key: String
    var offset: Int64
  }

  /// A copy that is there, as an answer or a start said.
  private struct Stored {
    var queue: Queue
    /// When the send that was answered began.
    var asked: Moment
    /// Since when it is known to be there.
    var known: Moment
    /// When it was stored at the earliest, in milliseconds since 1970.
    var time: Int64
    /// A deletion without an answer took it.
    var isDeleted = false
  }

  /// A deletion that was asked for.
  private struct Deletion {
    var topic: String
    /// When it was asked for, which names it.
    var asked: Moment
    /// Since when nothing more can come of it: its answer, or the start after the broker that was asked.
    var settled: Moment?
    /// It was answered, or a start found it done.
    var isDone = false
  }

  /// A copy that a deletion without an answer may have taken.
  private struct Doubtful {
    var copy: Copy
    var isServed: Bool
  }

  /// An offset that was told for the group of those who read.
  private struct Commit {
    var queue: Queue
    var offset: Int64
    var asked: Moment
  }

  /// What one reading of all queues of a topic brought.
  struct Reading {
    var topic: String
    var began: Moment
    var served: Set<Copy> = []
  }

  static let names = ["Fairs", "Markets"]
  /// How far the time of day may have been set back between a send and its storing, in milliseconds.
  private static let clockMargin: Int64 = 120_000

  private var lastMoment = 0
  private var firstSends: [String: Moment] = [:]
  private var copies: [Copy: Stored] = [:]
  private var deletions: [Deletion] = []
  private var commits: [Commit] = []
  /// How many offsets of each topic are being told.
  private var tellingsUnderWay: [String: Int] = [:]
  /// When the present broker started.
  private var started: Moment = 0
  /// How often the deletion of each topic was asked for.
  private(set) var deletionCounts: [String: Int] = [:]

  /// The next moment.
  mutating func moment() -> Moment {
    lastMoment += 1
    return lastMoment
  }

  // MARK: Messages

  /// Messages are being sent. Returns when.
  mutating func sends(_ keys: [String]) -> Moment {
    let now = moment()
    for key in keys where firstSends[key] == nil { firstSends[key] = now }
    return now
  }

  /// A send was answered: the message lies at `copy`, stored at `time` or later.
  mutating func stored(_ copy: Copy, in queue: Queue, asked: Moment, time: Int64) throws(SimulationFailure) {
    let now = moment()
    let known = copies[copy]?.known ?? now
    if let deletion = deletions.first(where: { $0.topic == queue.topic && $0.isDone && known < $0.asked }),
      let settled = deletion.settled, asked > settled
    {
      throw SimulationFailure(
        "\(copy.key) was sent after \(queue.topic) was deleted, and is answered with its place of before")
    }
    copies[copy] = Stored(queue: queue, asked: asked, known: known, time: time - Self.clockMargin)
  }

  /// A broker has started and found this in its log before `end`. What it was asked to delete is settled.
  mutating func found(_ audited: AuditedLog, upTo end: Int64) {
    started = moment()
    var found: [Copy: Stored] = [:]
    for record in audited.records where Self.names.contains(record.topic) && record.offset < end {
      guard let key = record.key else { continue }
      let copy = Copy(key: key, offset: record.offset)
      var stored =
        copies[copy]
        ?? Stored(
          queue: Queue(topic: record.topic, id: record.queueID), asked: firstSends[key] ?? 0, known: started, time: 0)
      stored.time = record.storeTime
      found[copy] = stored
    }
    copies = found
    for index in deletions.indices where deletions[index].settled == nil { deletions[index].settled = started }
  }

  // MARK: Deletions

  /// Somebody asks for a deletion. Returns when.
  mutating func deletes(_ topic: String) -> Moment {
    deletionCounts[topic, default: 0] += 1
    let now = moment()
    deletions.append(Deletion(topic: topic, asked: now))
    return now
  }

  /// The deletion that was asked for then was answered; not `isDone` when nobody knows what came of it.
  mutating func answered(_ asked: Moment, isDone: Bool) {
    guard let index = deletions.firstIndex(where: { $0.asked == asked }) else { return }
    deletions[index].settled = moment()
    deletions[index].isDone = isDone
  }

  /// Whether something is under way that the deletion of a topic, or the telling of an offset, would get in the way of.
  func isBusy(_ topic: String) -> Bool {
    tellingsUnderWay[topic, default: 0] > 0 || deletions.contains { $0.topic == topic && $0.settled == nil }
  }

  // MARK: Readings

  /// Looks at what a reading brought that has come to its end. Returns whether it says something: one that a deletion
  /// came in between does not. `isExpired` tells of a time of storing whether its log file may be gone.
  mutating func judge(_ reading: Reading, isExpired: (Int64) -> Bool) throws(SimulationFailure) -> Bool {
    let deletions = deletions.filter { $0.topic == reading.topic }
    guard deletions.allSatisfy({ ($0.settled ?? .max) < reading.began }) else { return false }
    var doubtful: [Moment: [Doubtful]] = [:]
    for (copy, stored) in copies.sorted(by: { $0.key.offset < $1.key.offset })
    where stored.queue.topic == reading.topic && stored.known < reading.began {
      let isServed = reading.served.contains(copy)
      if stored.isDeleted || deletions.contains(where: { $0.isDone && stored.known < $0.asked }) {
        guard !isServed else {
          throw SimulationFailure(
            "\(copy.key) at \(copy.offset) is in \(stored.queue), though the topic was deleted after it came")
        }
        continue
      }
      guard isServed || !isExpired(stored.time) else { continue }
      let open = deletions.filter { stored.asked <= $0.settled ?? .max }
      guard let deletion = open.first else {
        guard isServed else {
          throw SimulationFailure("\(copy.key) at \(copy.offset) is not in \(stored.queue), to which it was sent")
        }
        continue
      }
      guard open.count == 1, !deletion.isDone, stored.known < deletion.asked else { continue }
      doubtful[deletion.asked, default: []].append(Doubtful(copy: copy, isServed: isServed))
    }
    for (asked, found) in doubtful.sorted(by: { $0.key < $1.key }) { try decide(asked, found, reading.topic) }
    return true
  }

  /// A reading told what came of a deletion that was refused or not answered: from the first start after it on that is
  /// so for good.
  private mutating func decide(_ asked: Moment, _ found: [Doubtful], _ topic: String) throws(SimulationFailure) {
    guard let index = deletions.firstIndex(where: { $0.asked == asked }), let settled = deletions[index].settled,
      settled <= started
    else { return }
    if let served = found.first(where: \.isServed), let missing = found.first(where: { !$0.isServed }) {
      throw SimulationFailure(
        "\(topic) is deleted in part: \(served.copy.key) at \(served.copy.offset) is there, \(missing.copy.key) at "
          + "\(missing.copy.offset) is not")
    }
    for one in found where !one.isServed { copies[one.copy]?.isDeleted = true }
    if found.contains(where: \.isServed) { deletions.remove(at: index) } else { deletions[index].isDone = true }
  }

  // MARK: Offsets

  /// Those who read tell where they are.
  mutating func tells(_ offset: Int64, of queue: Queue) {
    tellingsUnderWay[queue.topic, default: 0] += 1
    commits.append(Commit(queue: queue, offset: offset, asked: moment()))
  }

  /// They have an answer, or will have none.
  mutating func told(of queue: Queue) { tellingsUnderWay[queue.topic, default: 0] -= 1 }

  /// Looks at the offset that a broker named to somebody who began to ask at a moment.
  func check(_ offset: Int64, of queue: Queue, asked: Moment) throws(SimulationFailure) {
    let deletions = deletions.filter { $0.topic == queue.topic }
    guard deletions.allSatisfy({ ($0.settled ?? .max) < asked }) else { return }
    let left = commits.filter { commit in
      commit.queue == queue && !deletions.contains { $0.isDone && commit.asked < $0.asked }
    }
    let highest = left.map(\.offset).max() ?? 0
    guard offset <= highest else {
      throw SimulationFailure("a group is at \(offset) in \(queue), it was at \(highest) since the topic was deleted")
    }
  }
}
