import ApusBase
import ApusProtocol

/// What a broker with a mistake would answer: the canaries that sit between clients and broker.
final class Tampering {
  private let canary: BrokerCanary
  private var lastQueueOffsets: [String: String] = [:]
  private var lastPlaces: [String: String] = [:]
  private var sends = 0

  init(_ canary: BrokerCanary) { self.canary = canary }

  /// Changes a request on its way to the broker, or answers it in its place.
  func request(_ code: RequestCode, _ fields: inout [ReplyField]) -> Command? {
    switch (canary, code) {
    case (.deliverRolledBack, .endTransaction):
      fields = fields.map { $0.name == "commitOrRollback" ? ReplyField($0.name, 8) : $0 }
    case (.loseDeadLetter, .consumerSendMessageBack):
      guard fields.contains(where: { $0.name == "delayLevel" && $0.value == "-1" }) else { return nil }
      return Command(header: CommandHeader(code: ResponseCode.success.rawValue, id: RequestID(0)))
    default: break
    }
    return nil
  }

  /// Changes an answer.
  func answer(_ code: RequestCode, _ fields: [ReplyField], _ body: [UInt8], _ answer: Command) -> Command {
    guard answer.responseCode == .success else { return answer }
    switch (canary, code) {
    case (.reuseOffset, .sendMessageV2): return replacing("queueOffset", in: answer, remembered: &lastQueueOffsets)
    case (.confuseSends, .sendMessageV2): return replacing("msgId", in: answer, remembered: &lastPlaces)
    case (.grantEveryLock, .lockBatchMessageQueue):
      do throws(DecodeError) {
        var granted = answer
        granted.body = LockResponseBody(try LockRequestBody(bytes: body).queues).bytes()
        return granted
      } catch {
        return answer
      }
    case (.misplaceBatch, .sendBatchMessage):
      return changing("msgId", in: answer) { $0.split(separator: ",").reversed().joined(separator: ",") }
    case (.skipLightMessages, .pullMessage):
      guard fields.contains(where: { $0.name == "topic" && $0.value.hasPrefix("%LMQ%") }) else { return answer }
      return changing("nextBeginOffset", in: answer) { "\((Int64($0) ?? 0) + 1)" }
    default: return answer
    }
  }

  private func changing(_ name: String, in answer: Command, _ body: (String) -> String) -> Command {
    var changed = answer
    changed.fields = answer.fields?.map { $0.name == name ? ReplyField(name, body($0.value)) : $0 }
    return changed
  }

  /// Answers every eighth send with what the one before it in its queue was answered with.
  private func replacing(_ name: String, in answer: Command, remembered: inout [String: String]) -> Command {
    sends += 1
    let queue = answer["queueId"] ?? ""
    let before = remembered[queue]
    remembered[queue] = answer[name]
    guard sends % 8 == 0, let before else { return answer }
    return changing(name, in: answer) { _ in before }
  }
}
