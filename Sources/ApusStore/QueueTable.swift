import ApusBase
import ApusModel

/// Queues by topic and number. Those that have a directory but were not asked for yet are only known by their number.
struct QueueTable {
  private var topics: [String: [Int32: Slot]] = [:]
  /// How many light topics there are.
  private(set) var lightCount = 0
  /// How many queues are only known.
  private(set) var knownCount = 0

  enum Slot {
    case known
    case loaded(ConsumeQueue)
  }

  func slot(_ topic: String, _ id: Int32) -> Slot? { topics[topic]?[id] }

  mutating func insert(_ queue: ConsumeQueue) { insert(.loaded(queue), queue.topic, queue.id) }

  mutating func insertKnown(_ topic: String, _ id: Int32) { insert(.known, topic, id) }

  private mutating func insert(_ slot: Slot, _ topic: String, _ id: Int32) {
    if topics[topic] == nil, LightQueues.isLight(topic) { lightCount += 1 }
    if case .known = slot { knownCount += 1 }
    if case .known = topics[topic, default: [:]].updateValue(slot, forKey: id) { knownCount -= 1 }
  }

  mutating func removeTopic(_ topic: String) -> [ConsumeQueue]? {
    if topics[topic] != nil, LightQueues.isLight(topic) { lightCount -= 1 }
    guard let slots = topics.removeValue(forKey: topic)?.values else { return nil }
    let loaded = slots.compactMap { if case .loaded(let queue) = $0 { queue } else { nil } }
    knownCount -= slots.count - loaded.count
    return loaded
  }

  /// Forgets what was loaded, but not that it exists.
  mutating func unloadAll() {
    topics = topics.mapValues { $0.mapValues { _ in .known } }
    knownCount = topics.values.reduce(0) { $0 + $1.count }
  }

  /// In the order they were made, so that what is done with all of them has an order that can be repeated.
  var loaded: [ConsumeQueue] {
    let queues = topics.values.flatMap {
      $0.values.compactMap { if case .loaded(let queue) = $0 { queue } else { nil } }
    }
    return queues.sorted { $0.number < $1.number }
  }

  var all: [(topic: String, id: Int32)] {
    topicNames.flatMap { topic in ids(topic).map { (topic, $0) } }
  }

  var isEmpty: Bool { topics.isEmpty }

  var topicNames: [String] { topics.keys.sorted() }

  func ids(_ topic: String) -> [Int32] { topics[topic].map { $0.keys.sorted() } ?? [] }
}

extension Disk {
  /// The queues that have a directory `topic/number` below `directory`, which may be where a device is mounted: what
  /// its file system keeps there is no topic, and may not be looked into by everybody.
  func queues(below directory: String) throws(DiskError) -> [(topic: String, id: Int32)] {
    var queues: [(topic: String, id: Int32)] = []
    for topic in try list(directory) where topic.isDirectory && topic.name != "lost+found" {
      for entry in try list(directory + "/" + topic.name) where entry.isDirectory {
        if let id = Int32(entry.name), String(id) == entry.name { queues.append((topic.name, id)) }
      }
    }
    return queues
  }
}
