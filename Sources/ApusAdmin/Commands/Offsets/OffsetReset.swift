import ApusBase
import ApusModel
import ApusProtocol

/// Setting the offsets of a group in a topic to a time or to the end.
struct OffsetReset: Hashable, Sendable {
  /// What became of one queue of a group without members.
  struct Outcome: Hashable, Sendable {
    /// The queue.
    var queue: MessageQueue
    /// The offset behind its newest message.
    var brokerOffset: Int64
    /// Where the group was.
    var consumerOffset: Int64
    /// The offset of the time.
    var timeOffset: Int64
    /// Where the group is now.
    var newOffset: Int64
  }

  /// The group.
  var group: String
  /// The topic.
  var topic: String
  /// The time; nil for the end.
  var time: WallTime?
  /// Whether a group goes forward too, not only back.
  var isForced: Bool

  /// Has the members of the group go on elsewhere. Nil when none is connected.
  func ofMembers(
    _ client: AdminClient, language: Language = .java
  ) async throws(AdminError) -> [QueueOffsets.Entry]? {
    var entries: [QueueOffsets.Entry] = []
    for address in try await client.route(of: topic).brokers.compactMap(\.preferredAddress) {
      do throws(AdminError) {
        entries += try await client.resetOffsets(
          of: group, topic: topic, to: time, force: isForced, language: language, at: address
        ).entries
      } catch {
        if error.code == .consumerNotOnline { return nil }
        throw error
      }
    }
    return entries.sorted { $0.queue < $1.queue }
  }

  /// Commits other offsets at the brokers; members of the group, if there are any, have to be started again.
  func atBrokers(_ client: AdminClient) async throws(AdminError) -> [Outcome] {
    var outcomes: [Outcome] = []
    let route = try await client.route(of: topic)
    for broker in route.brokers {
      guard let address = broker.preferredAddress else { continue }
      var entries = try await client.progress(of: group, topic: nil, at: address).entries.filter {
        $0.queue.topic == topic
      }
      if entries.isEmpty {
        // Nothing was consumed so far: the group is taken to stand at each queue's beginning.
        entries = try await client.topicStats(of: topic, at: address).entries.map {
          ConsumeStats.Entry(
            queue: $0.queue, brokerOffset: $0.maxOffset, consumerOffset: $0.minOffset,
            lastTimestamp: WallTime(milliseconds: 0))
        }
      }
      for entry in entries.sorted(by: { $0.queue < $1.queue }) {
        outcomes.append(try await reset(entry, at: address, client))
      }
    }
    return outcomes
  }

  private func reset(
    _ entry: ConsumeStats.Entry, at address: String, _ client: AdminClient
  ) async throws(AdminError) -> Outcome {
    let offset: Int64
    if let time {
      offset = try await client.offset(at: time, of: entry.queue, at: address)
    } else {
      offset = try await client.maxOffset(of: entry.queue, at: address)
    }
    var outcome = Outcome(
      queue: entry.queue, brokerOffset: entry.brokerOffset.rawValue, consumerOffset: entry.consumerOffset.rawValue,
      timeOffset: offset, newOffset: entry.consumerOffset.rawValue)
    guard isForced || offset <= outcome.consumerOffset else { return outcome }
    try await client.commit(offset, of: entry.queue, for: group, at: address)
    outcome.newOffset = offset
    return outcome
  }
}

extension OffsetReset {
  private static let memberTable = Table(
    "%-40.32s  %-40s  %-40s",
    [.init("#brokerName", "brokerName"), .init("#queueId", "queueId"), .init("#offset", "offset")])
  private static let brokerTable = Table(
    "%-20.32s  %-20s  %-20s  %-20s  %-20s  %-20s",
    [
      .init("#brokerName", "brokerName"), .init("#queueId", "queueId"), .init("#brokerOffset", "brokerOffset"),
      .init("#consumerOffset", "consumerOffset"), .init("#timestampOffset", "timestampOffset"),
      .init("#rollbackOffset", "rollbackOffset"),
    ])

  /// Prints where the members of a group go on.
  static func show(_ entries: [QueueOffsets.Entry], _ session: AdminSession) {
    session.show(
      memberTable, entries.map { [.text($0.queue.brokerName), Cell($0.queue.queueID), Cell($0.offset)] })
  }

  /// Prints what became of the queues of a group.
  static func show(_ outcomes: [Outcome], _ session: AdminSession) {
    session.show(
      brokerTable,
      outcomes.map {
        [
          .text($0.queue.brokerName), Cell($0.queue.queueID), Cell($0.brokerOffset), Cell($0.consumerOffset),
          Cell($0.timeOffset), Cell($0.newOffset),
        ]
      })
  }
}
