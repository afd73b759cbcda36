import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 31: where a queue begins.
package struct GetMinOffsetHandler: RequestHandler {
  private let topics: Locked<Topics>
  private let messages: any StoredMessages

  /// Takes its parts.
  package init(topics: Locked<Topics>, messages: any StoredMessages) {
    self.topics = topics
    self.messages = messages
  }

  /// Answers; a queue that does not exist begins at 0, as one without messages.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let bounds = try messages.bounds(for: request, of: topics)
    return Reply(fields: [ReplyField("offset", bounds?.min.rawValue ?? 0)])
  }
}
