import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// Giving messages back to the brokers, to come again or to be kept as dead letters.
extension PushConsumer {
  /// How often a message comes again unless told.
  static let standardMaxReconsumeTimes: Int32 = 16
  /// The delay level of messages that took too long.
  private static let overdueLevel = 3
  /// How many of a queue's messages that took too long are sent back in one round.
  private static let overdueLimit = 16
  /// How often messages that take too long are looked for, at least.
  static let overdueRound = Duration.seconds(60)
  private static let returnTimeout = Duration.seconds(5)

  /// Asks the broker to deliver a message again later: after the time of a delay level, 0 for one that grows with the
  /// tries, -1 to keep it as a dead letter. When the broker cannot be asked, the message is sent to the group's retry
  /// topic as a new one. The end of the consumer does not cut it short.
  func sendBack(_ message: ReceivedMessage, level: Int) async -> Bool {
    await Task(executorPreference: runtime.executor) {
      do throws(ClientError) {
        try await self.giveBack(message, level: level)
        return true
      } catch {
        self.runtime.warn("a message was not taken back", "message", message.messageID, cause: error)
      }
      do throws(ClientError) {
        try await self.resend(message, level: level)
        return true
      } catch {
        self.runtime.warn("a message was not sent again", "message", message.messageID, cause: error)
        return false
      }
    }.value
  }

  private var maxReconsumeTimes: Int32 { configuration.maxReconsumeTimes ?? Self.standardMaxReconsumeTimes }

  private func giveBack(_ message: ReceivedMessage, level: Int) async throws(ClientError) {
    var request = ConsumerSendMessageBack.Request(
      offset: message.commitLogOffset, group: group, delayLevel: Int32(clamping: level),
      maxReconsumeTimes: maxReconsumeTimes)
    request.originMessageID = message.messageID
    request.originTopic = message.queue.topic
    _ = try await runtime.ask(request, about: message.queue, timeout: Self.returnTimeout)
  }

  private func resend(_ message: ReceivedMessage, level: Int) async throws(ClientError) {
    let outgoing = try OutgoingMessage(
      resending: message, to: group, level: level, maxReconsumeTimes: maxReconsumeTimes)
    _ = try await returns.sendToAny(outgoing, timeout: Self.returnTimeout)
  }

  /// Sends messages back that a listener is not done with after `consumeTimeout`: they come again elsewhere, and the
  /// offset can move on.
  func returnOverdue() async {
    for queue in allWork {
      for message in queue.overdue(after: configuration.consumeTimeout, limit: Self.overdueLimit) {
        guard await sendBack(message, level: Self.overdueLevel) else { break }
        queue.finish([message])
      }
    }
  }
}

extension OutgoingMessage {
  /// What a delivered message does not take along when it is sent again: where it was, and delays that are over.
  private static let left: Set<String> = [
    "MIN_OFFSET", "MAX_OFFSET", "CONSUME_START_TIME", "WAIT", "DELAY", "REAL_TOPIC", "REAL_QID", "TRAN_MSG",
    "__STARTDELIVERTIME", "CLUSTER",
  ]

  /// A delivered message as it is sent to its group's retry topic. The level is that of
  /// ``PushConsumer/sendBack(_:level:)``.
  init(
    resending message: ReceivedMessage, to group: String, level: Int, maxReconsumeTimes: Int32
  ) throws(ClientError) {
    var all = message.properties.dictionary.filter { !Self.left.contains($0.key) && !$0.key.hasPrefix("TIMER_") }
    all["RETRY_TOPIC"] = all["RETRY_TOPIC"] ?? message.queue.topic
    all["ORIGIN_MESSAGE_ID"] = all["ORIGIN_MESSAGE_ID"] ?? message.offsetMessageID
    all["WAIT"] = "false"
    if level >= 0 { all["DELAY"] = "\(level > 0 ? level : 3 + Int(message.reconsumeTimes))" }
    topic = Array((SystemTopics.retryPrefix + group).utf8)
    body = message.body
    flag = message.flag
    sysFlag = []
    messageID = message.messageID
    // At the limit the broker keeps it as a dead letter.
    reconsumeTimes = level < 0 ? maxReconsumeTimes : message.triesWithThis
    self.maxReconsumeTimes = maxReconsumeTimes
    properties = try Self.encode(delivered: all.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) })
    isDelayed = level >= 0
  }
}
