import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 14: where a consumer group is in a queue.
///
/// A committed offset is told in place by ``committed(_:)``. Without one the queue itself has to be looked at, which
/// may wait for the device: a queue that still begins at 0, with its beginning among the newest messages, is read from
/// there; otherwise there is none, and the client decides by itself where to start.
package struct QueryConsumerOffsetHandler: RequestHandler {
  private let topics: Locked<Topics>
  private let offsets: Locked<ConsumerOffsets>
  private let messages: any StoredMessages

  /// Takes its parts.
  package init(topics: Locked<Topics>, offsets: Locked<ConsumerOffsets>, messages: any StoredMessages) {
    self.topics = topics
    self.offsets = offsets
    self.messages = messages
  }

  /// The committed offset, on the loop; nil when ``handle(_:from:)`` has to be asked, on an I/O thread.
  package func committed(_ request: borrowing Request) throws(Refusal) -> Int64? {
    let topic = try request.required("topic")
    let group = try request.required("consumerGroup")
    let queue = try request.int32("queueId")
    return offsets.withLock { $0.offset(topic: topic, group: group, queue: queue) }
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let topic = try request.text("topic")
    let group = try request.text("consumerGroup")
    let queue: Int32 = try request.number("queueId")
    if let offset = offsets.withLock({ $0.offset(topic: topic, group: group, queue: queue) }) {
      return Reply(fields: [ReplyField("offset", offset)])
    }
    guard try isYoung(topic, queue) else {
      throw Refusal(.queryNotFound, "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first")
    }
    return Reply(fields: [ReplyField("offset", 0)])
  }

  private func isYoung(_ topic: String, _ queue: Int32) throws(Refusal) -> Bool {
    guard topics.withLock({ $0.find(topic) }) != nil else { return true }
    do throws(DiskError) {
      guard let bounds = try messages.bounds(topic: topic, queue: queue) else { return true }
      guard bounds.min == .zero else { return false }
      return try messages.isInMemory(topic: topic, queue: queue, at: .zero)
    } catch {
      throw Refusals.disk(error)
    }
  }
}
