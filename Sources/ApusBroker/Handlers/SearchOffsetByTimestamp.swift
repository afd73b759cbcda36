import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 29: the offset of the message of a queue that was stored closest to a moment.
package struct SearchOffsetByTimestampHandler: RequestHandler {
  private let topics: Locked<Topics>
  private let messages: any StoredMessages

  /// Takes its parts.
  package init(topics: Locked<Topics>, messages: any StoredMessages) {
    self.topics = topics
    self.messages = messages
  }

  /// Answers; a queue that does not exist gives 0.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let topic = try request.text("topic")
    let queue: Int32 = try request.number("queueId")
    let moment = WallTime(milliseconds: try request.number("timestamp"))
    guard topics.withLock({ $0.find(topic) }) != nil else { return Reply(fields: [ReplyField("offset", 0)]) }
    do throws(DiskError) {
      let offset = try messages.offset(topic: topic, queue: queue, closestTo: moment)
      return Reply(fields: [ReplyField("offset", offset.rawValue)])
    } catch {
      throw Refusals.disk(error)
    }
  }
}
