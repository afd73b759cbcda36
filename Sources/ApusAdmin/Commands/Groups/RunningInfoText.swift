import ApusBase
import ApusModel
import ApusProtocol

/// How a consumer is doing, as mqadmin writes it.
extension ConsumerRunningInfo {
  private static let property: TextLayout = "%-40s: %s"
  private static let subscription: TextLayout = "%s Topic: %-40s ClassFilter: %-8s SubExpression: %s"
  private static let offsetHead: TextLayout = "%-64s  %-32s  %-4s  %-20s"
  private static let offset: TextLayout = "%-32s  %-32s  %-4s  %-20s"
  private static let detail: TextLayout = "%-64s  %-32s  %-4s  %s"
  private static let rateHead: TextLayout = "%-64s  %14s %14s %14s %14s %18s %25s"
  private static let rate: TextLayout = "%-32s  %14s %14s %14s %14s %18s %25s"

  /// The whole text.
  var javaText: String {
    var text = "#Consumer Properties#\n"
    for (name, value) in properties.sorted(by: { $0.key < $1.key }) { text += Self.property.line([name, value]) }
    text += "\n\n#Consumer Subscription#\n"
    for (index, data) in subscriptions.enumerated() {
      text += Self.subscription.line([
        zeroed(index + 1, 3), data.topic, "\(data.usesFilterClass)", data.expression,
      ])
    }
    let queues = queues.sorted { $0.queue < $1.queue }
    text += "\n\n#Consumer Offset#\n"
    text += Self.offsetHead.line(["#Topic", "#Broker Name", "#QID", "#Consumer Offset"])
    for one in queues { text += Self.offset.line(one.queue.texts + ["\(one.state.commitOffset)"]) }
    text += "\n\n#Consumer MQ Detail#\n"
    text += Self.offsetHead.line(["#Topic", "#Broker Name", "#QID", "#ProcessQueueInfo"])
    for one in queues { text += Self.detail.line(one.queue.texts + [one.state.javaText]) }
    text += "\n\n#Consumer RT&TPS#\n"
    text += Self.rateHead.line([
      "#Topic", "#Pull RT", "#Pull TPS", "#Consume RT", "#ConsumeOK TPS", "#ConsumeFailed TPS",
      "#ConsumeFailedMsgsInHour",
    ])
    for one in topics.sorted(by: { $0.topic < $1.topic }) {
      let status = one.status
      let rates = [
        status.pullMilliseconds, status.pullRate, status.consumeMilliseconds, status.consumeRate, status.failureRate,
      ]
      text += Self.rate.line([one.topic] + rates.map { Cell.fixed($0, 2) } + ["\(status.failures)"])
    }
    if let stacks { text += "\n\n#Consumer jstack#\n" + stacks }
    return text
  }

  /// Whether messages are pushed to the consumer.
  var isPush: Bool { properties[PropertyName.consumeType] == ConsumeType.passively.rawValue }

  /// What is wrong with the consumer's queues, a line each.
  func troubles(of clientID: String, now: WallTime) -> [String] {
    guard isPush else { return [] }
    let isOrderly = properties[PropertyName.isOrderly]?.lowercased() == "true"
    return queues.sorted { $0.queue < $1.queue }.compactMap { one in
      let (place, state) = ("\(clientID) \(one.queue.javaText)", one.state)
      if isOrderly {
        guard state.isLocked else {
          let silence = now.milliseconds.clampedSubtracting(state.lastLock.milliseconds)
          return "\(place) can't lock for a while, \(silence)ms"
        }
        return state.isDropped && state.unlockTries > 0
          ? "\(place) unlock \(state.unlockTries) times, still failed" : nil
      }
      let silence = now.milliseconds.clampedSubtracting(state.lastConsume.milliseconds)
      return silence > 60_000 && state.cachedCount > 0
        ? "\(place) can't consume for a while, maybe blocked, \(silence)ms" : nil
    }
  }

  /// Whether the members of a group that have run for two minutes all subscribe to the same.
  static func subscribesAlike(_ members: [ConsumerRunningInfo], now: WallTime) -> Bool {
    guard let first = members.first, first.isPush else { return true }
    let start = first.properties[PropertyName.startTime].flatMap { Int64($0) } ?? now.milliseconds
    guard now.milliseconds.clampedSubtracting(start) > 120_000 else { return true }
    func wanted(_ info: ConsumerRunningInfo) -> Set<String> {
      Set(info.subscriptions.map { "\($0.topic)\u{1}\($0.expressionType)\u{1}\($0.expression)" })
    }
    return !first.subscriptions.isEmpty && members.allSatisfy { wanted($0) == wanted(first) }
  }
}

extension MessageQueue {
  /// Topic, broker and number.
  fileprivate var texts: [String] { [topic, brokerName, "\(queueID)"] }
}

extension ProcessQueueInfo {
  /// What a consumer has of a queue as Java prints it.
  fileprivate var javaText: String {
    "ProcessQueueInfo [commitOffset=\(commitOffset), cachedMsgMinOffset=\(cachedMinOffset),"
      + " cachedMsgMaxOffset=\(cachedMaxOffset), cachedMsgCount=\(cachedCount),"
      + " cachedMsgSizeInMiB=\(cachedMebibytes), transactionMsgMinOffset=\(consumingMinOffset),"
      + " transactionMsgMaxOffset=\(consumingMaxOffset), transactionMsgCount=\(consumingCount), locked=\(isLocked),"
      + " tryUnlockTimes=\(unlockTries), lastLockTimestamp=\(Self.text(lastLock)), droped=\(isDropped),"
      + " lastPullTimestamp=\(Self.text(lastPull)), lastConsumeTimestamp=\(Self.text(lastConsume))]"
  }

  /// `yyyyMMddHHmmssSSS`
  private static func text(_ time: WallTime) -> String { time.optionText.filter(\.isNumber) }
}
