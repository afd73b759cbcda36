import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 32: when the oldest message of a queue was stored.
package struct GetEarliestMessageStoreTimeHandler: RequestHandler {
  private let topics: Locked<Topics>
  private let messages: any StoredMessages

  /// Takes its parts.
  package init(topics: Locked<Topics>, messages: any StoredMessages) {
    self.topics = topics
    self.messages = messages
  }

  /// Answers; −1 for a queue without messages.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let topic = try request.text("topic")
    let queue: Int32 = try request.number("queueId")
    guard topics.withLock({ $0.find(topic) }) != nil else { return Reply(fields: [ReplyField("timestamp", -1)]) }
    do throws(DiskError) {
      let bounds = try messages.bounds(topic: topic, queue: queue)
      let time = try bounds.map { bounds throws(DiskError) in
        try messages.storeTime(topic: topic, queue: queue, at: bounds.min)
      }
      return Reply(fields: [ReplyField("timestamp", time??.milliseconds ?? -1)])
    } catch {
      throw Refusals.disk(error)
    }
  }
}
