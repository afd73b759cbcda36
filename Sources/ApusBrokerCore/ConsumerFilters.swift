package import ApusBase
package import ApusFilter
package import ApusModel
package import ApusProtocol

/// A consumer group's SQL condition on a topic, as the newest heartbeat told it.
package struct ConsumerFilter: Sendable {
  /// The topic.
  package let topic: String
  /// The group.
  package let group: String
  /// The condition's text.
  package let expression: String
  /// The condition, ready to be evaluated; nil for one of an earlier run that cannot be read.
  package let condition: SQLExpression?
  /// When the group first told this condition.
  package let bornTime: WallTime
  /// Since when nobody consumes with it; nil while somebody does.
  package fileprivate(set) var deadTime: WallTime?
  /// The version of the client's subscription.
  package fileprivate(set) var version: Int64
  /// The bits that stand for group and topic in bit maps.
  package let positions: [Int32]
  /// How many bits a bit map has.
  package let bitCount: Int

  /// What counts against ``ConsumerFilters/byteLimit``.
  fileprivate var bytes: Int { ConsumerFilters.bytes(expression, topic, group) }

  fileprivate var json: JSONValue {
    JSONValue(members: [
      "bloomFilterData": JSONValue(members: [
        "bitNum": JSONValue(Int64(bitCount)), "bitPos": .array(positions.map { JSONValue($0) }),
      ]),
      "bornTime": JSONValue(bornTime.milliseconds), "clientVersion": JSONValue(version),
      "consumerGroup": .string(group), "dead": .bool(deadTime != nil),
      "deadTime": JSONValue(deadTime?.milliseconds ?? 0), "expression": .string(expression),
      "expressionType": .string(SubscriptionData.sqlExpression), "topic": .string(topic),
    ])
  }
}

/// The SQL conditions of all consumer groups: `consumerFilter.json`.
///
/// A condition is compiled once and kept while the group tells the same text. When its group goes, or no longer
/// subscribes to the topic, it is dead; the dead are forgotten after ``lifetime``. Deviations from Java: bloom bits are
/// worked out anew when their settings changed, and the condition counts as told now, where Java drops the file; a text
/// of an earlier run that cannot be compiled stays, without effect, until its group tells another one; number and size
/// of conditions are bounded.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/filter/ConsumerFilterManager.java
package struct ConsumerFilters: Sendable {
  /// How many conditions there may be.
  package static var limit: Int { 100_000 }
  /// How many bytes all conditions may have, with the names of their topics and groups.
  package static var byteLimit: Int { 32 << 20 }
  /// Conditions found on the disk died this long ago, unless they say otherwise.
  private static var loadedDeadFor: Duration { .seconds(30) }

  /// How long the dead are kept: `filterDataCleanTimeSpan`.
  package let lifetime: Duration
  /// Moves with every change; the shell writes the file when it moved.
  package private(set) var changes: Int64 = 0
  /// How many conditions there are, the dead included.
  package private(set) var count = 0
  private let bloom: BloomFilter
  private var bytes = 0
  /// Bit maps of messages stored up to then were worked out: conditions told from now on are younger, also when the
  /// clock was put back.
  private var mappedUpTo = WallTime(milliseconds: 0)
  private var byTopic: [String: [String: ConsumerFilter]] = [:]
  private var topicsByGroup: [String: Set<String>] = [:]

  /// Makes the table, empty or with what an earlier run left behind.
  package init(bloom: BloomFilter, lifetime: Duration, stored: StoredConsumerFilters? = nil, now: WallTime) {
    self.bloom = bloom
    self.lifetime = lifetime
    for entry in stored?.entries ?? [] where hasRoom(entry.expression, entry.topic, entry.group) {
      let assumed = max(entry.bornTime, WallTime(milliseconds: now.milliseconds - Self.loadedDeadFor.milliseconds))
      let positions = positions(entry.topic, entry.group)
      // Bit maps made with other bits say nothing about it.
      let isSame = entry.bitCount == bloom.bitCount && entry.positions == positions
      let born = isSame ? entry.bornTime : max(entry.bornTime, now)
      put(
        ConsumerFilter(
          topic: entry.topic, group: entry.group, expression: entry.expression,
          condition: Self.compiled(entry.expression), bornTime: born, deadTime: max(entry.deadTime ?? assumed, born),
          version: entry.version, positions: positions, bitCount: bloom.bitCount))
    }
    changes = 0
  }

  // MARK: Inputs

  /// A heartbeat of a member of `group` lists all its subscriptions. Conditions that cannot be read are forgotten, so
  /// that pulls are refused rather than answered by an old one.
  package mutating func register(group: String, subscriptions: [SubscriptionData], now: WallTime) {
    for data in subscriptions where data.expressionType == SubscriptionData.sqlExpression {
      register(group, data, now)
    }
    guard let topics = topicsByGroup[group] else { return }
    let subscribed = Set(subscriptions.map(\.topic))
    for topic in topics where !subscribed.contains(topic) { die(topic, group, now) }
  }

  private mutating func register(_ group: String, _ data: SubscriptionData, _ now: WallTime) {
    guard !data.expression.isEmpty else { return }
    guard var known = byTopic[data.topic]?[group] else {
      if let made = made(group, data, now) { put(made) }
      return
    }
    if data.version < known.version { return }
    if data.version == known.version {
      // The text of a version does not change.
      guard known.deadTime != nil else { return }
      known.deadTime = nil
      return put(known)
    }
    // By their bytes, as conditions compare texts: two spellings of a character are equal as `String`.
    guard !known.expression.utf8.elementsEqual(data.expression.utf8) || known.condition == nil else {
      known.version = data.version
      known.deadTime = nil
      return put(known)
    }
    if let made = made(group, data, now) { put(made) } else { remove(data.topic, group) }
  }

  /// The last member of a group is gone.
  package mutating func unregister(group: String, now: WallTime) {
    for topic in topicsByGroup[group] ?? [] { die(topic, group, now) }
  }

  /// A topic is gone.
  package mutating func remove(topic: String) {
    for group in (byTopic[topic] ?? [:]).keys { remove(topic, group) }
  }

  /// Forgets what has been dead for ``lifetime``.
  package mutating func removeDead(now: WallTime) {
    for filters in byTopic.values {
      for filter in filters.values {
        guard let dead = filter.deadTime, now.milliseconds - dead.milliseconds >= lifetime.milliseconds else {
          continue
        }
        remove(filter.topic, filter.group)
      }
    }
  }

  private func made(_ group: String, _ data: SubscriptionData, _ now: WallTime) -> ConsumerFilter? {
    guard count < Self.limit, hasRoom(data.expression, data.topic, group),
      let condition = Self.compiled(data.expression)
    else { return nil }
    return ConsumerFilter(
      topic: data.topic, group: group, expression: data.expression, condition: condition,
      bornTime: max(now, mappedUpTo), deadTime: nil, version: data.version, positions: positions(data.topic, group),
      bitCount: bloom.bitCount)
  }

  /// A heartbeat's topic may be as long as the heartbeat, and a condition is kept for a day after its group has gone.
  private func hasRoom(_ expression: String, _ topic: String, _ group: String) -> Bool {
    bytes + Self.bytes(expression, topic, group) <= Self.byteLimit
  }

  fileprivate static func bytes(_ expression: String, _ topic: String, _ group: String) -> Int {
    expression.utf8.count + topic.utf8.count + group.utf8.count
  }

  private func positions(_ topic: String, _ group: String) -> [Int32] { bloom.positions(of: "\(group)#\(topic)") }

  private static func compiled(_ expression: String) -> SQLExpression? {
    do throws(SQLFault) { return try SQLExpression(expression) } catch { return nil }
  }

  private mutating func put(_ filter: ConsumerFilter) {
    bytes += filter.bytes
    if let previous = byTopic[filter.topic, default: [:]].updateValue(filter, forKey: filter.group) {
      bytes -= previous.bytes
    } else {
      count += 1
    }
    topicsByGroup[filter.group, default: []].insert(filter.topic)
    changes &+= 1
  }

  private mutating func die(_ topic: String, _ group: String, _ now: WallTime) {
    guard var filter = byTopic[topic]?[group], filter.deadTime == nil else { return }
    filter.deadTime = max(now, filter.bornTime)
    put(filter)
  }

  private mutating func remove(_ topic: String, _ group: String) {
    guard let removed = byTopic[topic]?.removeValue(forKey: group) else { return }
    bytes -= removed.bytes
    if byTopic[topic]?.isEmpty ?? false { byTopic[topic] = nil }
    topicsByGroup[group]?.remove(topic)
    if topicsByGroup[group]?.isEmpty ?? false { topicsByGroup[group] = nil }
    count -= 1
    changes &+= 1
  }

  // MARK: Questions

  /// A group's condition on a topic, dead or not.
  package func filter(topic: String, group: String) -> ConsumerFilter? { byTopic[topic]?[group] }

  /// The conditions of a group that can be evaluated, by topic.
  package func conditions(ofGroup group: String) -> [String: SQLExpression] {
    var result: [String: SQLExpression] = [:]
    for topic in topicsByGroup[group] ?? [] { result[topic] = byTopic[topic]?[group]?.condition }
    return result
  }

  /// What works out the bit maps of a topic's records stored up to `time`; nil when no group has a condition on it. The
  /// dead count too: they may come back with the same condition.
  package mutating func bitMaps(ofTopic topic: String, storedUpTo time: WallTime) -> TopicBitMaps? {
    mappedUpTo = max(mappedUpTo, time)
    guard let filters = byTopic[topic], !filters.isEmpty else { return nil }
    let groups = filters.values.compactMap { filter in
      filter.condition.map { TopicBitMaps.Group(condition: $0, positions: filter.positions) }
    }
    return TopicBitMaps(bloom: bloom, groups: groups)
  }

  /// What `consumerFilter.json` holds.
  package var json: JSONValue {
    let topics = byTopic.sorted { $0.key < $1.key }.map { topic, filters in
      let groups = filters.sorted { $0.key < $1.key }.map { JSONMember($0.key, $0.value.json) }
      return JSONMember(topic, JSONValue(members: ["groupFilterData": .object(groups), "topic": .string(topic)]))
    }
    return JSONValue(members: ["filterDataByTopic": .object(topics)])
  }
}

/// The content of `consumerFilter.json`.
package struct StoredConsumerFilters: Hashable, Sendable {
  /// One group's condition on one topic.
  package struct Entry: Hashable, Sendable {
    /// The topic.
    package var topic: String
    /// The group.
    package var group: String
    /// The condition's text.
    package var expression: String
    /// When the group told it.
    package var bornTime: WallTime
    /// Since when nobody consumes with it; nil while somebody did.
    package var deadTime: WallTime?
    /// The version of the client's subscription.
    package var version: Int64
    /// The bits that stood for group and topic.
    package var positions: [Int32]
    /// How many bits a bit map had.
    package var bitCount: Int
  }

  /// All that is stored.
  package var entries: [Entry] = []

  /// Reads the file's content. Conditions in other languages than SQL92 are left out, as nobody can evaluate them, and
  /// so are those beyond ``ConsumerFilters/limit``.
  package init(json: JSONValue) throws(DecodeError) {
    for topic in json["filterDataByTopic"]?.members ?? [] {
      for member in topic.value["groupFilterData"]?.members ?? [] {
        let data = member.value
        guard data["expressionType"]?.text == SubscriptionData.sqlExpression, entries.count < ConsumerFilters.limit
        else {
          continue
        }
        let born = WallTime(milliseconds: try data.int64("bornTime", default: 0))
        let dead = WallTime(milliseconds: try data.int64("deadTime", default: 0))
        entries.append(
          Entry(
            topic: try data.requiredText("topic"), group: try data.requiredText("consumerGroup"),
            expression: try data.requiredText("expression"), bornTime: born, deadTime: dead < born ? nil : dead,
            version: try data.int64("clientVersion", default: 0),
            positions: data["bloomFilterData"]?["bitPos"]?.elements?.compactMap(\.int32) ?? [],
            bitCount: Int(try data["bloomFilterData"]?.int32("bitNum", default: 0) ?? 0)))
      }
    }
  }
}

/// The bit maps of one topic's messages: whose conditions each meets.
package struct TopicBitMaps: Sendable {
  struct Group: Sendable {
    let condition: SQLExpression
    let positions: [Int32]
  }

  let bloom: BloomFilter
  let groups: [Group]

  /// The bit map of a message with these properties.
  package func bitMap(of properties: borrowing MessageProperties) -> [UInt8] {
    var positions: [Int32] = []
    for group in groups where group.condition.matches(properties) { positions += group.positions }
    return bloom.bitMap(of: positions)
  }
}
