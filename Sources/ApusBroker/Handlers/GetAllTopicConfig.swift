import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 21: all topics with their version.
package struct GetAllTopicConfigHandler: RequestHandler {
  private let topics: Locked<Topics>

  /// Takes its parts.
  package init(topics: Locked<Topics>) { self.topics = topics }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let snapshot = topics.withLock { $0 }
    return Reply(body: snapshot.json.bytes())
  }
}
