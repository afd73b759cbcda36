import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 201: all consumer groups with their version.
package struct GetAllSubscriptionGroupConfigHandler: RequestHandler {
  private let groups: Locked<SubscriptionGroups>

  /// Takes its parts.
  package init(groups: Locked<SubscriptionGroups>) { self.groups = groups }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let snapshot = groups.withLock { $0 }
    return Reply(body: snapshot.json.bytes())
  }
}
