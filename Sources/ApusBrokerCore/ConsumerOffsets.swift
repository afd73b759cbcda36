package import ApusBase
import ApusModel

/// How far each consumer group has come in each queue of each topic: the offset of the next message it wants.
///
/// A copy is a snapshot that costs nothing until the original changes: the shell copies it under its lock and writes
/// the file outside. What is committed is what is told, also when it lies before what was committed earlier: clients
/// reset offsets so.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/offset/ConsumerOffsetManager.java
package struct ConsumerOffsets: Sendable {
  /// What became of a commit.
  package enum CommitOutcome: Hashable, Sendable {
    /// It is remembered.
    case committed
    /// The queue's id or the offset cannot be.
    case outOfRange
    /// There are as many pairs of topic and group as there may be.
    case full
  }

  private struct Group: Sendable {
    let name: String
    var queues: [Int32: Int64] = [:]
  }

  private struct TopicOffsets: Sendable {
    let name: String
    var groups = ByteKeyedTable<Group>()
  }

  /// How many pairs of topic and group may have offsets.
  package let limit: Int
  /// Moves with every change; the shell writes the file when it moved.
  package private(set) var changes: Int64 = 0
  /// How many pairs of topic and group have offsets.
  package private(set) var pairCount = 0
  private var topics: ByteKeyedTable<TopicOffsets>

  /// Makes the table, empty or with what an earlier run left behind.
  package init(stored: StoredConsumerOffsets? = nil, limit: Int = 1_000_000, seed: UInt64 = 0) {
    self.limit = limit
    self.topics = ByteKeyedTable(seed: seed)
    guard let stored else { return }
    for entry in stored.entries { replace(topic: entry.topic, group: entry.group, queues: entry.queues) }
    changes = 0
  }

  /// A group tells where it is in a queue.
  package mutating func commit(topic: RawSpan, group: RawSpan, queue: Int32, offset: Int64) -> CommitOutcome {
    guard queue >= 0, queue < Topics.queueLimit, offset >= 0 else { return .outOfRange }
    let known = topics.change(topic) { offsets in
      offsets.groups.change(group) { entry in
        entry.queues[queue] = offset
        return true
      } ?? false
    }
    if known == true {
      changes &+= 1
      return .committed
    }
    guard pairCount < limit else { return .full }
    replace(topic: topic.text, group: group.text, queues: [queue: offset])
    return .committed
  }

  /// Where a group is in a queue; nil when it never told.
  package func offset(topic: RawSpan, group: RawSpan, queue: Int32) -> Int64? {
    topics[topic]?.groups[group]?.queues[queue]
  }

  /// Where a group is in a queue; nil when it never told.
  package func offset(topic: String, group: String, queue: Int32) -> Int64? {
    topics[topic]?.groups[group]?.queues[queue]
  }

  /// Where a group is in all queues of a topic.
  package func offsets(topic: String, group: String) -> [Int32: Int64] {
    topics[topic]?.groups[group]?.queues ?? [:]
  }

  /// The groups that have offsets in a topic, sorted.
  package func groups(ofTopic topic: String) -> [String] {
    (topics[topic]?.groups.values ?? []).map(\.name).sorted()
  }

  /// The topics in which a group has offsets, sorted. Looks at every topic.
  package func topics(ofGroup group: String) -> [String] {
    topics.values.filter { $0.groups[group] != nil }.map(\.name).sorted()
  }

  /// The topics in which each group has offsets, sorted. Looks at every pair of topic and group once.
  package var topicsByGroup: [String: [String]] {
    var found: [String: [String]] = [:]
    for topic in topics.values {
      for group in topic.groups.values { found[group.name, default: []].append(topic.name) }
    }
    return found.mapValues { $0.sorted() }
  }

  /// A group takes over where another is in a topic; queues that only it has stay as they are. False when the pair
  /// would be one more than there may be.
  @discardableResult
  package mutating func copy(fromGroup source: String, toGroup target: String, topic: String) -> Bool {
    let queues = offsets(topic: topic, group: source)
    guard !queues.isEmpty else { return true }
    let own = offsets(topic: topic, group: target)
    guard !own.isEmpty || pairCount < limit else { return false }
    replace(topic: topic, group: target, queues: own.merging(queues) { _, copied in copied })
    return true
  }

  /// An offset that was taken back to the end of its queue.
  package struct TakenBack: Hashable, Sendable {
    /// The topic.
    package var topic: String
    /// The group.
    package var group: String
    /// The queue.
    package var queue: Int32
    /// Where the group was.
    package var from: Int64
    /// Where the queue ends, and the group goes on.
    package var end: Int64
  }

  /// No group is beyond the end of a queue that lost its newest messages. `end` tells where a queue ends, 0 for one
  /// that is not there. Looks at every offset; returns what it changed.
  package mutating func takeBack<Failure: Error>(
    to end: (_ topic: String, _ queue: Int32) throws(Failure) -> Int64
  ) throws(Failure) -> [TakenBack] {
    var taken: [TakenBack] = []
    for topic in topics.values {
      for group in topic.groups.values {
        var queues = group.queues
        for (queue, offset) in group.queues.sorted(by: { $0.key < $1.key }) where offset > 0 {
          let end = try end(topic.name, queue)
          guard offset > end else { continue }
          queues[queue] = end
          taken.append(TakenBack(topic: topic.name, group: group.name, queue: queue, from: offset, end: end))
        }
        if queues != group.queues { replace(topic: topic.name, group: group.name, queues: queues) }
      }
    }
    return taken
  }

  /// Forgets a group.
  package mutating func remove(group: String) {
    for topic in topics(ofGroup: group) { remove(topic: topic, group: group) }
  }

  /// Forgets a topic.
  package mutating func remove(topic: String) {
    guard let removed = topics.remove(topic) else { return }
    pairCount -= removed.groups.count
    changes &+= 1
  }

  /// Forgets where a group is in a topic.
  package mutating func remove(topic: String, group: String) {
    guard var offsets = topics[topic], offsets.groups.remove(group) != nil else { return }
    pairCount -= 1
    changes &+= 1
    if offsets.groups.isEmpty { topics.remove(topic) } else { topics.update(offsets, forKey: topic) }
  }

  private mutating func replace(topic: String, group: String, queues: [Int32: Int64]) {
    var offsets = topics[topic] ?? TopicOffsets(name: topic)
    if offsets.groups.update(Group(name: group, queues: queues), forKey: group) == nil { pairCount += 1 }
    topics.update(offsets, forKey: topic)
    changes &+= 1
  }

  /// What `consumerOffset.json` and the answer to code 43 hold: integer keys, which fastjson writes without quotes.
  package var json: JSONValue { JSONValue(members: ["offsetTable": offsetTable(withLight: true)]) }

  /// What `lmqConsumerOffset.json` holds, which a Java broker with `enableLmq` reads instead of `consumerOffset.json`:
  /// where light groups are in queue 0, and the others as ever
  /// (apache/rocketmq@rocketmq-all-4.9.8:broker/…/broker/offset/LmqConsumerOffsetManager.java).
  package var lightJSON: JSONValue {
    var members: [JSONMember] = []
    for topic in topics.values {
      for group in topic.groups.values where LightQueues.isLight(group.name) {
        guard let offset = group.queues[LightQueues.queueID] else { continue }
        members.append(JSONMember("\(topic.name)@\(group.name)", JSONValue(offset)))
      }
    }
    return JSONValue(members: ["lmqOffsetTable": .object(members), "offsetTable": offsetTable(withLight: false)])
  }

  private func offsetTable(withLight: Bool) -> JSONValue {
    var members: [JSONMember] = []
    for topic in topics.values {
      for group in topic.groups.values {
        if !withLight, LightQueues.isLight(group.name) { continue }
        let queues = group.queues.sorted { $0.key < $1.key }
        members.append(
          JSONMember(
            "\(topic.name)@\(group.name)",
            .object(queues.map { JSONMember(.integer(Int64($0.key)), .integer($0.value)) })))
      }
    }
    return .object(members)
  }
}

/// The content of `consumerOffset.json` or `lmqConsumerOffset.json`.
package struct StoredConsumerOffsets: Hashable, Sendable {
  /// Where one group is in one topic.
  package struct Entry: Hashable, Sendable {
    /// The topic.
    package var topic: String
    /// The group.
    package var group: String
    /// The offset by queue.
    package var queues: [Int32: Int64]
  }

  /// All that is stored.
  package var entries: [Entry] = []

  /// Reads the file's content. A key without `@` is an error; a queue or an offset below 0 is left out, as nobody can
  /// want it.
  package init(json: JSONValue) throws(DecodeError) {
    for member in json["offsetTable"]?.members ?? [] {
      guard let key = member.key.text, let separator = key.utf8.firstIndex(of: UInt8(ascii: "@")) else {
        throw DecodeError(field: "offsetTable", offset: 0, reason: "a key is not topic@group")
      }
      var queues: [Int32: Int64] = [:]
      for entry in member.value.members ?? [] {
        guard let queue = entry.key.int32, let offset = entry.value.int64 else {
          throw DecodeError(field: key, offset: 0, reason: "a queue or an offset is not a number")
        }
        if queue >= 0, queue < Topics.queueLimit, offset >= 0 { queues[queue] = offset }
      }
      let group = key[key.utf8.index(after: separator)...]
      entries.append(Entry(topic: String(key[..<separator]), group: String(group), queues: queues))
    }
    for member in json["lmqOffsetTable"]?.members ?? [] {
      guard let key = member.key.text, let separator = key.utf8.firstIndex(of: UInt8(ascii: "@")),
        let offset = member.value.int64
      else {
        throw DecodeError(field: "lmqOffsetTable", offset: 0, reason: "an entry is not topic@group with a number")
      }
      let group = key[key.utf8.index(after: separator)...]
      guard offset >= 0 else { continue }
      entries.append(
        Entry(topic: String(key[..<separator]), group: String(group), queues: [LightQueues.queueID: offset]))
    }
  }

  /// Adds what another file says of pairs of topic and group that this one does not have.
  package mutating func complete(with other: StoredConsumerOffsets) {
    let known = Set(entries.map { [$0.topic, $0.group] })
    entries += other.entries.filter { !known.contains([$0.topic, $0.group]) }
  }
}
