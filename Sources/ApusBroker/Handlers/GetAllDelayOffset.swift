import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 45: how far delayed messages were delivered, as `delayOffset.json` holds it; replicas copy it so.
package struct GetAllDelayOffsetHandler: RequestHandler {
  private let delays: Locked<DelayOffsets>

  /// Takes its parts.
  package init(delays: Locked<DelayOffsets>) { self.delays = delays }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    Reply(body: delays.withLock { $0 }.json.bytes())
  }
}
