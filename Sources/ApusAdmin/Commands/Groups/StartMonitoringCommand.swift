import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel
import ApusProtocol
import ApusSystem

/// `startMonitoring`: looks at all groups again and again and says what lies before them and what is wrong with them.
struct StartMonitoringCommand: AdminCommand {
  static let description = admin(
    "startMonitoring", "Look at all consumer groups every minute and report lags and troubles.",
    details: "Ends when it is stopped. mqadmin writes its reports to its log, this to standard output.",
    options: [Option("once", help: "One round only.")])

  private let isOnce: Bool

  init(_ arguments: Arguments) { isOnce = arguments.has("once") }

  func run(_ session: AdminSession) async throws(AdminError) {
    try await session.again(every: isOnce ? nil : .seconds(60)) { () throws(AdminError) in
      session.say("[MONITOR] =========================================beginRound")
      var incomplete: [String] = []
      for topic in try await session.client.topics().topics where topic.hasPrefix(SystemTopics.retryPrefix) {
        let group = String(topic.dropFirst(SystemTopics.retryPrefix.count))
        if await !report(group, session) { incomplete.append(group) }
      }
      session.say("[MONITOR] =========================================endRound")
      // Who watches goes on; who looks once is to know.
      if isOnce, !incomplete.isEmpty { throw AdminError(incomplete: incomplete) }
    }
  }

  /// A group that nobody is in, or that is going, is passed over. Returns whether all brokers answered.
  private func report(_ group: String, _ session: AdminSession) async -> Bool {
    var isComplete = true
    do throws(AdminError) {
      let (progress, failure) = try await session.progress(of: group)
      isComplete = failure == nil
      let members = try await session.client.consumers(of: group)
      let topics = Dictionary(grouping: progress.entries) { $0.queue.topic }
      for (topic, entries) in topics.sorted(by: { $0.key < $1.key }) {
        try await reportLag(of: group, topic, entries, session)
      }
      try await reportTroubles(of: group, members, session)
    } catch {
      if error.code != .consumerNotOnline { session.warn("\(group): \(error)") }
      if error.code == nil { isComplete = false }
    }
    return isComplete
  }

  private func reportLag(
    of group: String, _ topic: String, _ entries: [ConsumeStats.Entry], _ session: AdminSession
  ) async throws(AdminError) {
    var delay: Int64 = 0
    for entry in entries where entry.lastTimestamp.milliseconds > 0 && entry.brokerOffset.rawValue > 0 {
      let newest = try await session.client.reader(of: entry.queue).pull(
        from: entry.brokerOffset.rawValue - 1, limit: 1)
      if let message = newest.messages.first {
        delay = max(delay, message.storeMilliseconds.clampedSubtracting(entry.lastTimestamp.milliseconds))
      }
    }
    let total = entries.reduce(Int64(0)) { $0.clampedAdding(max(0, $1.lag)) }
    let single = entries.map(\.lag).max() ?? 0
    session.say(
      "[MONITOR] reportUndoneMsgs: UndoneMsgs [consumerGroup=\(group), topic=\(topic), undoneMsgsTotal=\(total),"
        + " undoneMsgsSingleMQ=\(max(0, single)), undoneMsgsDelayTimeMills=\(delay)]",
      [
        "group": .text(group), "topic": .text(topic), "lag": Cell(total), "largestQueueLag": Cell(max(0, single)),
        "delayMillis": Cell(delay),
      ])
  }

  private func reportTroubles(
    of group: String, _ members: ConsumerConnection, _ session: AdminSession
  ) async throws(AdminError) {
    var infos: [(id: String, info: ConsumerRunningInfo)] = []
    // Clients before 3.1.8 (62) cannot say how they are doing.
    for member in members.connections where member.version >= 62 {
      infos.append((member.clientID, try await session.client.runningInfo(of: member.clientID, group: group)))
    }
    let now = SystemClock.wall()
    if !ConsumerRunningInfo.subscribesAlike(infos.map(\.info), now: now) {
      session.say(
        "[MONITOR]  [NOTIFY] reportConsumerRunningInfo: ConsumerGroup: \(group), Subscription different",
        ["group": .text(group), "trouble": "Subscription different"])
    }
    for (id, info) in infos {
      for trouble in info.troubles(of: id, now: now) {
        session.say(
          "[MONITOR]  [NOTIFY] reportConsumerRunningInfo: ConsumerGroup: \(group), ClientId: \(id), \(trouble)",
          ["group": .text(group), "clientId": .text(id), "trouble": .text(trouble)])
      }
    }
  }
}
