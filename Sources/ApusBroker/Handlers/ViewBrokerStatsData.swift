import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 315: what was counted for a topic, for a group in a topic, or for the whole broker, over the last minute, hour
/// and day. What only plug-ins count in Java (COMMERCIAL_…), and the momentary GROUP_GET_FALL_…, does not exist here as
/// it does not there; what comes from the device is counted, which Java names without counting.
///
/// Deviation: what Java counts for single queues with `enableDetailStat` (QUEUE_PUT_…, QUEUE_GET_…) is not.
package struct ViewBrokerStatsDataHandler: RequestHandler {
  private let topics: Locked<Topics>
  private let statistics: Locked<BrokerStats>
  private let cluster: String

  /// Takes its parts; `cluster` is the key of what is counted for the whole broker.
  package init(topics: Locked<Topics>, statistics: Locked<BrokerStats>, cluster: String) {
    self.topics = topics
    self.statistics = statistics
    self.cluster = cluster
  }

  /// Answers; what nothing was counted for does not exist.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let name = try request.text("statsName")
    let key = try request.text("statsKey")
    guard let kind = kind(name, key), let series = statistics.withLock({ $0.series(kind) }) else {
      throw Refusal(.systemError, "The stats <\(name.prefix(256))> <\(key.prefix(256))> not exist")
    }
    func item(_ span: BrokerStats.Span) -> BrokerStatsData.Item {
      let snapshot = series.snapshot(span)
      return BrokerStatsData.Item(sum: snapshot.sum, perSecond: snapshot.perSecond, average: snapshot.average)
    }
    return Reply(body: BrokerStatsData(minute: item(.minute), hour: item(.hour), day: item(.day)).bytes())
  }

  /// What a name and a key mean; nil when nothing does.
  private func kind(_ name: String, _ key: String) -> BrokerStats.Kind? {
    switch name {
    case "TOPIC_PUT_NUMS": return topic(key).map { .topicPutMessages(topic: $0) }
    case "TOPIC_PUT_SIZE": return topic(key).map { .topicPutBytes(topic: $0) }
    case "GROUP_GET_NUMS": return pair(key).map { .groupGetMessages(topic: $0, group: $1) }
    case "GROUP_GET_SIZE": return pair(key).map { .groupGetBytes(topic: $0, group: $1) }
    case "GROUP_GET_LATENCY": return queue(key)
    case "SNDBCK_PUT_NUMS": return pair(key).map { .sentBack(topic: $0, group: $1) }
    case "GROUP_GET_FROM_DISK_NUMS": return pair(key).map { .groupGetMessagesFromDisk(topic: $0, group: $1) }
    case "GROUP_GET_FROM_DISK_SIZE": return pair(key).map { .groupGetBytesFromDisk(topic: $0, group: $1) }
    case "BROKER_GET_FROM_DISK_NUMS": return key == cluster ? .brokerGetMessagesFromDisk : nil
    case "BROKER_GET_FROM_DISK_SIZE": return key == cluster ? .brokerGetBytesFromDisk : nil
    case "BROKER_PUT_NUMS": return key == cluster ? .brokerPutMessages : nil
    case "BROKER_GET_NUMS": return key == cluster ? .brokerGetMessages : nil
    default: return nil
    }
  }

  private func topic(_ name: String) -> Int32? {
    name == SystemTopics.lightQueuePrefix ? BrokerStats.lightTopic : topics.withLock { $0.find(name) }?.id
  }

  /// Reads `queue@topic@group`.
  private func queue(_ key: String) -> BrokerStats.Kind? {
    guard let separator = key.utf8.firstIndex(of: UInt8(ascii: "@")), let queue = Int32(key[..<separator]),
      let (topic, group) = pair(String(key[key.utf8.index(after: separator)...]))
    else { return nil }
    return .groupGetLatency(topic: topic, group: group, queue: queue)
  }

  /// Reads `topic@group`.
  private func pair(_ key: String) -> (topic: Int32, group: String)? {
    guard let separator = key.utf8.firstIndex(of: UInt8(ascii: "@")), let topic = topic(String(key[..<separator]))
    else { return nil }
    return (topic, String(key[key.utf8.index(after: separator)...]))
  }
}
