package import ApusBase
package import ApusModel

/// A topic as it stands: an immutable value that handlers keep using after they let go of the table's lock. A change of
/// the topic makes a new one with the same number.
package final class Topic: NumberedSettings {
  /// The topic's number: stable while the topic exists, dense from 0, never given to another topic. Per-topic state of
  /// the shell and the statistics are kept under it.
  package let id: Int32
  /// The settings.
  package let config: TopicConfig

  /// Whether clients may not send to it: topics that the broker alone writes.
  package let isClosedToProducers: Bool

  /// Settings under a number.
  package init(id: Int32, config: TopicConfig) {
    self.id = id
    self.config = config
    isClosedToProducers = SystemTopics.closedToProducers.contains(config.name)
  }

  /// The name that settings are kept under.
  package static func name(of config: TopicConfig) -> String { config.name }

  /// The interned name.
  package var name: String { config.name }
  /// How many queues there are: a queue's id is below the larger of both numbers.
  package var queueCount: Int32 { max(config.readQueueCount, config.writeQueueCount) }

  /// The queue for a message that was sent to queue `id` and has waited since: that one, unless the topic has fewer
  /// queues by now. Then it is one of those that it has, as nobody may pull from others.
  package func queue(insteadOf id: Int32) -> Int32 { queueCount > 0 && id >= queueCount ? id % queueCount : id }
}

/// The topics of a broker, with the version that tells name servers and replicas whether they changed.
///
/// The shell keeps it behind one lock and persists ``json`` after every change (``version`` moved).
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/topic/TopicConfigManager.java
package struct Topics: Sendable {
  /// What decides which topics a broker has of its own and which it makes for clients.
  package struct Rules: Hashable, Sendable {
    /// `autoCreateTopicEnable`: whether a send makes the topic it names.
    package var autoCreates = true
    /// `defaultTopicQueueNums`: the queues of the template topic.
    package var templateQueueCount: Int32 = 8
    /// The cluster's name.
    package var cluster: String
    /// The broker's name.
    package var broker: String
    /// `clusterTopicEnable`: whether the topic named like the cluster may be read and written.
    package var clusterTopicEnabled = true
    /// `brokerTopicEnable`: whether the topic named like the broker may be read and written.
    package var brokerTopicEnabled = true
    /// `traceTopicEnable` and `msgTraceTopicName`: the trace topic, if there is to be one.
    package var traceTopic: String?
    /// How many topics there may be; a send that would make one more is refused.
    package var limit = 1_000_000
    /// `enableLmq`: whether names `%LMQ%…` are light topics.
    package var hasLightTopics = false

    /// Java's defaults for a broker of a cluster.
    package init(cluster: String, broker: String) {
      self.cluster = cluster
      self.broker = broker
    }
  }

  /// Why a topic was not made.
  package enum Missing: Error, Hashable, Sendable {
    /// Topics are not made by sends, or the template does not exist or does not pass its permission on.
    case notCreated
    /// There are as many topics as there may be.
    case full
  }

  /// The most queues a topic may have for reading or writing.
  package static let queueLimit: Int32 = 65_536

  /// The rules.
  package var rules: Rules
  /// Which state of the table this is.
  package var version: DataVersion { table.version }
  private var table: VersionedTable<Topic>
  /// The topics that belong to this broker: fixed names, its cluster, itself, its reply topic.
  private var systemNames: Set<String> = []
  /// The topics of the order configuration that name servers told last, of which some may not exist yet.
  private var orderedNames: Set<String> = []

  /// Makes the table with the broker's own topics, and, with `stored`, with what an earlier run left behind: what that
  /// says of an own topic counts. `seed` keeps clients from choosing names that collide.
  package init(rules: Rules, stored: StoredTopics? = nil, now: WallTime, seed: UInt64 = 0) {
    self.rules = rules
    self.table = VersionedTable(now: now, seed: seed)
    for config in ownTopics() {
      systemNames.insert(config.name)
      table.put(config)
    }
    systemNames.formUnion(SystemTopics.names)
    if let stored {
      table.version = stored.version
      for config in stored.topics { table.put(config) }
    }
  }

  /// The topics that every broker has: the number of queues and the permissions are Java's.
  private func ownTopics() -> [TopicConfig] {
    func own(_ name: String, _ queues: Int32, _ permission: Permission = .readWrite) -> TopicConfig {
      TopicConfig(name: name, readQueueCount: queues, writeQueueCount: queues, permission: permission)
    }
    let open: Permission = [.read, .write, .inherit]
    var topics = [own(SystemTopics.selfTest, 1)]
    if rules.autoCreates { topics.append(own(SystemTopics.autoCreate, rules.templateQueueCount, open)) }
    topics += [
      own(SystemTopics.benchmark, 1024),
      own(rules.cluster, 16, rules.clusterTopicEnabled ? open : .inherit),
      own(rules.broker, 1, rules.brokerTopicEnabled ? open : .inherit),
      own(SystemTopics.offsetMoved, 1),
      own(SystemTopics.schedule, 18),
    ]
    if let trace = rules.traceTopic { topics.append(own(trace, 1)) }
    topics.append(own(SystemTopics.replyTopic(ofCluster: rules.cluster), 1))
    return topics
  }

  /// How many topics there are.
  package var count: Int { table.count }
  /// All topics, in the order they were made.
  package var all: [Topic] { table.all }

  /// The topic with this name as it stands in a frame; about 20 ns.
  package func find(_ name: RawSpan) -> Topic? { table[name] }

  /// The topic with this name.
  package func find(_ name: String) -> Topic? { table[name] }

  /// The topic with this name; a light one is made when it is missing. Nil when there is no such topic and when there
  /// are as many light ones as there may be topics.
  package mutating func findOrMakeLight(_ name: RawSpan) -> Topic? {
    if let known = find(name) { return known }
    guard rules.hasLightTopics, name.starts(with: "%LMQ%") else { return nil }
    return light(name.text)
  }

  /// The light topic with this name, made when it is missing; nil when the name is no light topic's.
  package mutating func light(_ name: String) -> Topic? {
    guard rules.hasLightTopics, LightQueues.isLight(name) else { return nil }
    if let known = table[name] { return known }
    guard table.lightCount < rules.limit else { return nil }
    do throws(NameFault) {
      try TopicName.validate(name)
    } catch {
      return nil
    }
    return table.putLight(TopicConfig(name: name, readQueueCount: 1, writeQueueCount: 1))
  }

  /// Whether a topic is the broker's own, so that clients may not change or delete it.
  package func isSystem(_ name: String) -> Bool {
    systemNames.contains(name) || name.hasPrefix(SystemTopics.systemPrefix)
  }

  /// Makes or replaces a topic, as code 17 asks. The order flag is not part of that: name servers set it. A light topic
  /// has no settings and stays as it is.
  @discardableResult
  package mutating func update(_ config: TopicConfig, now: WallTime) -> Topic {
    if let light = light(config.name) { return light }
    var config = config
    config.isOrdered = table[config.name]?.config.isOrdered ?? orderedNames.contains(config.name)
    return table.update(config, now: now)
  }

  /// The topic that a send names. One that does not exist is made from the template `defaultTopic` with the template's
  /// permission but its inherit bit; the number of queues is the client's wish, at most the template's write queues.
  /// Where the template does not allow that, a retry topic is made all the same, with one queue.
  ///
  /// The names are validated already.
  package mutating func forSend(
    to name: String, defaultTopic: String, defaultQueueCount: Int32, unitMode: Bool, now: WallTime
  ) throws(Missing) -> (topic: Topic, isNew: Bool) {
    if let known = table[name] ?? light(name) { return (known, false) }
    guard table.count < rules.limit else { throw .full }
    let isRetry = name.utf8.starts(with: SystemTopics.retryPrefix.utf8)
    var config = TopicConfig(
      name: name, readQueueCount: 1, writeQueueCount: 1, isOrdered: orderedNames.contains(name))
    if unitMode { config.systemFlag = isRetry ? TopicConfig.unitSubscribedFlag : TopicConfig.unitFlag }
    if let template = table[defaultTopic]?.config, template.permission.contains(.inherit),
      rules.autoCreates || defaultTopic != SystemTopics.autoCreate
    {
      config.writeQueueCount = max(min(defaultQueueCount, template.writeQueueCount), 1)
      config.readQueueCount = config.writeQueueCount
      config.permission = template.permission.subtracting(.inherit)
      config.filter = template.filter
    } else if !isRetry {
      throw .notCreated
    }
    return (table.update(config, now: now), true)
  }

  /// The topic with this name, made with `queueCount` queues for reading and writing when there is none: retry and
  /// dead-letter topics. An existing one keeps its settings, but takes on a unit flag that it lacks.
  @discardableResult
  package mutating func ensure(
    _ name: String, queueCount: Int32, systemFlag: Int32 = 0, now: WallTime
  ) throws(Missing) -> Topic {
    if let known = table[name] {
      guard known.config.systemFlag | systemFlag != known.config.systemFlag else { return known }
      var config = known.config
      config.systemFlag |= systemFlag
      return table.update(config, now: now)
    }
    guard table.count < rules.limit else { throw .full }
    let queues = min(max(queueCount, 0), Self.queueLimit)
    return table.update(
      TopicConfig(name: name, readQueueCount: queues, writeQueueCount: queues, systemFlag: systemFlag), now: now)
  }

  /// Makes a topic anew whose messages are there and whose settings are not, with queues up to number `highest` and at
  /// least as many as a send may have asked for. Nil when it exists, is the broker's own or can have no such name.
  package mutating func adopt(_ name: String, highestQueue highest: Int32, now: WallTime) -> Topic? {
    guard table[name] == nil, !isSystem(name), !LightQueues.isLight(name), highest < Self.queueLimit else { return nil }
    do throws(NameFault) { try TopicName.validate(name) } catch { return nil }
    let isOfGroup = name.hasPrefix(SystemTopics.retryPrefix) || name.hasPrefix(SystemTopics.deadLetterPrefix)
    let queues = max(highest + 1, isOfGroup ? 1 : rules.templateQueueCount)
    return table.update(TopicConfig(name: name, readQueueCount: queues, writeQueueCount: queues), now: now)
  }

  /// Takes a topic out; nil when there was none.
  package mutating func delete(_ name: String, now: WallTime) -> Topic? {
    table.delete(name, now: now)
  }

  /// A name server answered a registration with the topics of its order configuration: exactly these are ordered, those
  /// that are made later among them. Returns whether any topic changed.
  package mutating func applyOrder(_ ordered: Set<String>, now: WallTime) -> Bool {
    orderedNames = ordered
    var changed = false
    for topic in table.all where topic.config.isOrdered != ordered.contains(topic.name) {
      var config = topic.config
      config.isOrdered.toggle()
      table.put(config)
      changed = true
    }
    if changed { table.version.advance(now: now) }
    return changed
  }

  /// The broker's permission changed: nothing about the topics did, but they must be registered anew.
  package mutating func touch(now: WallTime) { table.version.advance(now: now) }

  /// Differs whenever ``json`` does.
  package var mark: VersionedTable<Topic>.Mark { table.mark }

  /// What `topics.json` and the answer to code 21 hold.
  package var json: JSONValue {
    JSONValue(members: [
      "dataVersion": version.json,
      "topicConfigTable": .object(all.map { JSONMember($0.name, $0.config.json) }),
    ])
  }
}

/// The content of `topics.json`.
package struct StoredTopics: Hashable, Sendable {
  /// Which state of the table it is.
  package var version: DataVersion
  /// The topics.
  package var topics: [TopicConfig]

  /// Reads the file's content. A topic without a name or whose queue numbers cannot be is an error, as the backup may
  /// be better. Other characters than clients may use are kept: brokers and clusters with such names have topics named
  /// like themselves. A longer name than the log has room for is left out: Java lists the retry topics of groups with
  /// more than 120 characters, and can store nothing in them either.
  package init(json: JSONValue) throws(DecodeError) {
    version = try DataVersion(json: json["dataVersion"] ?? .object([]))
    topics = []
    for member in json["topicConfigTable"]?.members ?? [] {
      let config = try TopicConfig(json: member.value)
      guard !config.name.isEmpty else { throw DecodeError(field: "topicName", offset: 0, reason: "is empty") }
      guard config.name.utf8.count <= TopicName.maxLength else { continue }
      for count in [config.readQueueCount, config.writeQueueCount] where count < 0 || count > Topics.queueLimit {
        throw DecodeError(field: config.name, offset: 0, reason: "\(count) queues, not 0 to \(Topics.queueLimit)")
      }
      topics.append(config)
    }
  }
}
