import ApusBase
import ApusModel
import ApusProtocol
import ApusStore
import ApusStoreCore

/// Sends to light queues, which the property INNER_MULTI_DISPATCH names.
extension SendMessageHandler {
  /// So much of the properties is left for what brokers add to a message until it is delivered.
  private static let ownBytes = 512

  /// Refuses a message whose light queues cannot be, or would be too many. Without `enableMultiDispatch` the property
  /// means nothing.
  func checkLightQueues(_ value: RawSpan, _ properties: RawSpan) throws(Refusal) {
    guard dispatchesToLightQueues else { return }
    let names: [String]
    do throws(LightQueues.Fault) {
      names = try LightQueues.names(value)
    } catch {
      throw Refusal(.messageIllegal, error.remark)
    }
    let reserved = LightQueues.reservedBytes(names.count) + Self.ownBytes
    guard properties.byteCount + reserved <= MessageProperties.maximumBytes else {
      throw Refusal(
        .messageIllegal,
        "the properties take \(properties.byteCount) bytes, and what is added with \(names.count) light queues up to "
          + "\(reserved): at most \(MessageProperties.maximumBytes) fit")
    }
    let (hasRoom, limit) = parts.store.withLock { ($0.hasRoom(forLightQueues: names), $0.settings.lightQueueLimit) }
    guard hasRoom else {
      throw Refusal(
        .systemError,
        "[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]there are as many light queues as maxLmqConsumeQueueNum allows: \(limit)")
    }
  }
}
