import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 43: all consumer offsets, as `consumerOffset.json` holds them; replicas copy them so.
package struct GetAllConsumerOffsetHandler: RequestHandler {
  private let offsets: Locked<ConsumerOffsets>

  /// Takes its parts.
  package init(offsets: Locked<ConsumerOffsets>) { self.offsets = offsets }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let snapshot = offsets.withLock { $0 }
    return Reply(body: snapshot.json.bytes())
  }
}
