import ApusBase
import ApusModel
import ApusProtocol

/// Setting the offsets of a group in a topic to a time or to the end.
struct OffsetReset: Hashable, Sendable {
  /// The group.
  var group: String
  /// The topic.
  var topic: String
  /// The time; nil for the end.
  var time: WallTime?
  /// Whether a group goes forward too, not only back.
  var isForced: Bool

  static let memberTable = Table(
    "%-40.32s  %-40s  %-40s",
    [.init("#brokerName", "brokerName"), .init("#queueId", "queueId"), .init("#offset", "offset")])
  static let brokerTable = Table(
    "%-20.32s  %-20s  %-20s  %-20s  %-20s  %-20s",
    [
      .init("#brokerName", "brokerName"), .init("#queueId", "queueId"), .init("#brokerOffset", "brokerOffset"),
      .init("#consumerOffset", "consumerOffset"), .init("#timestampOffset", "timestampOffset"),
      .init("#rollbackOffset", "rollbackOffset"),
    ])

  /// Has the members of the group go on elsewhere, and prints where, below a title. False when none is connected to one
  /// of the brokers: then nothing is printed. What was done at some brokers is printed also when others fail.
  func ofMembers(
    _ session: AdminSession, language: Language = .java, title: String? = nil
  ) async throws(AdminError) -> Bool {
    var entries: [QueueOffsets.Entry] = []
    var isOnline = true
    var failure: AdminError?
    do throws(AdminError) {
      try await session.each(try await addresses(session)) { address throws(AdminError) in
        do throws(AdminError) {
          let offsets = try await session.client.resetOffsets(
            of: group, topic: topic, to: time, force: isForced, language: language, at: address)
          entries += offsets.entries
        } catch {
          guard error.code == .consumerNotOnline else { throw error }
          isOnline = false
        }
      }
    } catch {
      failure = error
    }
    guard isOnline else { return false }
    if failure == nil || !entries.isEmpty {
      if let title { session.say(title) }
      session.show(
        Self.memberTable,
        entries.sorted { $0.queue < $1.queue }.map {
          [.text($0.queue.brokerName), Cell($0.queue.queueID), Cell($0.offset)]
        })
    }
    if let failure { throw failure }
    return true
  }

  /// Commits other offsets at the brokers, one after the other, and prints what became of each queue, below a title.
  /// Members of the group, if there are any, have to be started again.
  func atBrokers(_ session: AdminSession, title: String? = nil) async throws(AdminError) {
    let (masters, failure) = try await session.masters(ofTopic: topic)
    if let title { session.say(title) }
    session.begin(Self.brokerTable)
    try await session.each(masters) { address throws(AdminError) in
      for entry in try await entries(at: address, session.client) {
        session.row(Self.brokerTable, try await reset(entry, at: address, session.client))
      }
    }
    if let failure { throw failure }
  }

  private func addresses(_ session: AdminSession) async throws(AdminError) -> [String] {
    try await session.client.route(of: topic).brokers.compactMap(\.preferredAddress)
  }

  /// Where the group is in the queues of a broker. A group that has consumed nothing so far is taken to stand at each
  /// queue's beginning.
  private func entries(
    at address: String, _ client: AdminClient
  ) async throws(AdminError) -> [ConsumeStats.Entry] {
    var entries = try await client.progress(of: group, topic: nil, at: address).entries.filter {
      $0.queue.topic == topic
    }
    if entries.isEmpty {
      entries = try await client.topicStats(of: topic, at: address).entries.map {
        ConsumeStats.Entry(
          queue: $0.queue, brokerOffset: $0.maxOffset, consumerOffset: $0.minOffset,
          lastTimestamp: WallTime(milliseconds: 0))
      }
    }
    return entries.sorted { $0.queue < $1.queue }
  }

  /// Sets the group's offset of one queue; the row that says where it was, where the time is and where it is now.
  private func reset(
    _ entry: ConsumeStats.Entry, at address: String, _ client: AdminClient
  ) async throws(AdminError) -> [Cell] {
    let offset: Int64
    if let time {
      offset = try await client.offset(at: time, of: entry.queue, at: address)
    } else {
      offset = try await client.maxOffset(of: entry.queue, at: address)
    }
    let old = entry.consumerOffset.rawValue
    let moves = isForced || offset <= old
    if moves { try await client.commit(offset, of: entry.queue, for: group, at: address) }
    return [
      .text(entry.queue.brokerName), Cell(entry.queue.queueID), Cell(entry.brokerOffset.rawValue), Cell(old),
      Cell(offset), Cell(moves ? offset : old),
    ]
  }
}
