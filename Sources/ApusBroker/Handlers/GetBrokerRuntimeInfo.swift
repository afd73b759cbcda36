package import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
import ApusStoreCore
package import ApusSystem

/// Code 28: how the broker is doing, as texts under the keys of Java's broker.
///
/// Deviations: there are no thread pools with queues, so their sizes and waiting times are 0.
package struct GetBrokerRuntimeInfoHandler: RequestHandler {
  private let settings: Locked<BrokerSettings>
  private let statistics: Locked<BrokerStats>
  private let delays: Locked<DelayOffsets>
  private let messages: any StoredMessages
  private let booted: WallTime

  /// Takes its parts; `booted` is when the broker started.
  package init(
    settings: Locked<BrokerSettings>, statistics: Locked<BrokerStats>, delays: Locked<DelayOffsets>,
    messages: any StoredMessages, booted: WallTime
  ) {
    self.settings = settings
    self.statistics = statistics
    self.delays = delays
    self.messages = messages
    self.booted = booted
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let settings = settings.withLock { $0 }
    let statistics = statistics.withLock { $0 }
    let rows =
      processRows(settings, now: SystemClock.wall()) + trafficRows(statistics) + poolRows(settings)
      + storeRows(settings, messages.summary()) + delayRows(delays.withLock { $0 })
    return Reply(body: KVTable(rows).bytes())
  }

  private func processRows(_ settings: BrokerSettings, now: WallTime) -> [KVTable.Row] {
    let seconds = max(now.milliseconds - booted.milliseconds, 0) / 1000
    let parts = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
    return [
      KVTable.Row("bootTimestamp", "\(booted.milliseconds)"),
      KVTable.Row(
        "runtime", "[ \(parts.0) days, \(parts.1) hours, \(parts.2) minutes, \(parts.3) seconds ]"),
      KVTable.Row("brokerName", settings.identity.broker),
      KVTable.Row("brokerVersionDesc", "V4_9_8"),
      KVTable.Row("brokerVersion", "\(CommandHeader.ownVersion)"),
      KVTable.Row("startAcceptSendRequestTimeStamp", "\(settings.serving.acceptsSendsFrom.milliseconds)"),
    ]
  }

  private func trafficRows(_ statistics: BrokerStats) -> [KVTable.Row] {
    let totals = statistics.totals
    let average = totals.put.messages > 0 ? Double(totals.put.bytes) / Double(totals.put.messages) : 0
    let mornings = statistics.mornings
    return [
      KVTable.Row("putMessageEntireTimeMax", "\(totals.slowestPutMilliseconds)"),
      KVTable.Row("putMessageTimesTotal", "\(totals.put.messages)"),
      KVTable.Row("putMessageFailedTimes", "\(totals.putFailures)"),
      KVTable.Row("putMessageSizeTotal", "\(totals.put.bytes)"),
      KVTable.Row("putMessageDistributeTime", statistics.putTimes?.classes ?? "null"),
      KVTable.Row("putMessageAverageSize", Self.text(average)),
      KVTable.Row("putLatency99", Self.latency(statistics, 0.99)),
      KVTable.Row("putLatency999", Self.latency(statistics, 0.999)),
      KVTable.Row("getMessageEntireTimeMax", "\(totals.slowestGetMilliseconds)"),
      KVTable.Row("putTps", Self.rates(statistics, \.put.messages)),
      KVTable.Row("getFoundTps", Self.rates(statistics, \.pullsFound)),
      KVTable.Row("getMissTps", Self.rates(statistics, \.pullsMissed)),
      KVTable.Row("getTotalTps", Self.totalRates(statistics)),
      KVTable.Row("getTransferedTps", Self.rates(statistics, \.got.messages)),
      KVTable.Row("msgPutTotalYesterdayMorning", "\(mornings.putYesterday)"),
      KVTable.Row("msgPutTotalTodayMorning", "\(mornings.putToday)"),
      KVTable.Row("msgPutTotalTodayNow", "\(totals.put.messages)"),
      KVTable.Row("msgGetTotalYesterdayMorning", "\(mornings.gotYesterday)"),
      KVTable.Row("msgGetTotalTodayMorning", "\(mornings.gotToday)"),
      KVTable.Row("msgGetTotalTodayNow", "\(totals.got.messages)"),
    ]
  }

  private func poolRows(_ settings: BrokerSettings) -> [KVTable.Row] {
    var rows: [KVTable.Row] = []
    for pool in ["send", "pull", "query"] {
      rows.append(KVTable.Row("\(pool)ThreadPoolQueueSize", "0"))
      rows.append(
        KVTable.Row("\(pool)ThreadPoolQueueCapacity", settings["\(pool)ThreadPoolQueueCapacity"] ?? "0"))
      rows.append(KVTable.Row("\(pool)ThreadPoolQueueHeadWaitTimeMills", "0"))
    }
    rows.append(KVTable.Row("EndTransactionQueueSize", "0"))
    rows.append(
      KVTable.Row("EndTransactionThreadPoolQueueCapacity", settings["endTransactionPoolQueueCapacity"] ?? "0"))
    return rows
  }

  private func storeRows(_ settings: BrokerSettings, _ store: StoreSummary) -> [KVTable.Row] {
    let (logRatio, queueRatio) = (Self.ratio(store.logSpace), Self.ratio(store.queueSpace))
    let space = store.space ?? DiskSpace(total: 0, available: 0)
    return [
      KVTable.Row("dispatchMaxBuffer", "0"),
      KVTable.Row("dispatchBehindBytes", "\(store.undispatchedBytes)"),
      KVTable.Row("pageCacheLockTimeMills", "0"),
      KVTable.Row("earliestMessageTimeStamp", "\(store.earliest?.milliseconds ?? -1)"),
      KVTable.Row("remainTransientStoreBufferNumbs", "\(Int32.max)"),
      KVTable.Row("remainHowManyDataToCommit", "0 B"),
      KVTable.Row("remainHowManyDataToFlush", Self.bytes(store.unflushedBytes)),
      KVTable.Row(
        "commitLogDirCapacity", "Total : \(Self.bytes(space.total)), Free : \(Self.bytes(space.free))."),
      KVTable.Row("commitLogDiskRatio", logRatio),
      KVTable.Row("commitLogDiskRatio_\(settings.keeping.commitLog)", logRatio),
      KVTable.Row("consumeQueueDiskRatio", queueRatio),
      KVTable.Row("commitLogMinOffset", "\(store.minOffset)"),
      KVTable.Row("commitLogMaxOffset", "\(store.maxOffset)"),
    ] + damageRows(store.damage)
  }

  /// What is known to be damaged in the log, and where the first of it lies. RocketMQ has no such rows.
  private func damageRows(_ damage: DamageTable) -> [KVTable.Row] {
    let places = damage.ranges.prefix(16).map { "\($0.lowerBound)-\($0.upperBound)" }
    return [
      KVTable.Row("damagedRanges", "\(damage.count)"), KVTable.Row("damagedBytes", "\(damage.bytes)"),
      KVTable.Row("damagedOffsets", places.joined(separator: ",")),
    ]
  }

  /// How far each level is delivered, and how far its queue goes.
  private func delayRows(_ delays: DelayOffsets) -> [KVTable.Row] {
    delays.levels.sorted { $0.key < $1.key }.map { level, offset in
      KVTable.Row("scheduleMessageOffset_\(level)", "\(offset),\(end(ofLevel: level) ?? offset)")
    }
  }

  private func end(ofLevel level: Int) -> QueueOffset? {
    do throws(DiskError) {
      return try messages.bounds(topic: SystemTopics.schedule, queue: Int32(level - 1))?.max
    } catch {
      // Not known, which the row says by repeating the offset.
      return nil
    }
  }

  /// Rates over 10, 60 and 600 seconds, separated by spaces; nothing stands for one that is not known yet.
  private static func rates(_ statistics: BrokerStats, _ total: KeyPath<Traffic.Totals, Int64>) -> String {
    [10, 60, 600].map { statistics.rate(of: total, overSeconds: $0).map(text) ?? "" }.joined(separator: " ")
  }

  /// As ``rates(_:_:)`` for all pulls, where 0.0 stands for a rate that is not known yet.
  private static func totalRates(_ statistics: BrokerStats) -> String {
    [10, 60, 600].map { window in
      let found = statistics.rate(of: \.pullsFound, overSeconds: window) ?? 0
      let missed = statistics.rate(of: \.pullsMissed, overSeconds: window) ?? 0
      return text(found + missed)
    }.joined(separator: " ")
  }

  /// Within how many milliseconds a share of the last minute's puts was done, with two decimals.
  private static func latency(_ statistics: BrokerStats, _ share: Double) -> String {
    let hundredths = (statistics.putTimes?.nanoseconds(within: share) ?? 0) / 10_000
    return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
  }

  /// A number as Java's `Double.toString` writes it.
  private static func text(_ number: Double) -> String { JSONValue.number(number).text ?? "0.0" }

  /// The used share of a device, rounded up to hundredths; −1 for one that is not known.
  private static func ratio(_ space: DiskSpace?) -> String {
    text(((space?.usedRatio ?? -1) * 100).rounded(.up) / 100)
  }

  /// A number of bytes with a unit: `512 B`, `1.6 KiB`.
  static func bytes(_ count: Int64) -> String {
    guard count >= 1024 else { return "\(count) B" }
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    var value = Double(count) / 1024
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    let tenths = Int64((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }
}
