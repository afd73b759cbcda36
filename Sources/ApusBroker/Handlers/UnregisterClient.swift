package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 35: a client leaves a producer group, a consumer group, or both.
package struct UnregisterClientHandler: RequestHandler {
  private let clients: Locked<ClientTable>
  private let groups: Locked<SubscriptionGroups>

  /// Takes its parts.
  package init(clients: Locked<ClientTable>, groups: Locked<SubscriptionGroups>) {
    self.clients = clients
    self.groups = groups
  }

  /// Answers; leaving a group that the connection is not in is no error.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    if let group = request["producerGroup"] {
      clients.withLock { $0.unregister(producer: group, on: requester.connection) }
    }
    if let group = request["consumerGroup"] {
      let notifies = groups.withLock { $0.find(group) }?.config.notifyConsumerIDsChangedEnabled ?? true
      clients.withLock { $0.unregister(consumer: group, notifies: notifies, on: requester.connection) }
    }
    return Reply()
  }
}
