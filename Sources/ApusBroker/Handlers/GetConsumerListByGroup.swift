import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 38: the client ids of a consumer group, by which its members share the queues out.
///
/// Deviation from Java: an id stands once, though the client may have two connections, of which one is dead and not
/// found out yet. Members count ids: the queues of the second would be nobody's for two minutes.
package struct GetConsumerListByGroupHandler: RequestHandler {
  private let clients: Locked<ClientTable>

  /// Takes its parts.
  package init(clients: Locked<ClientTable>) { self.clients = clients }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let group = try request.text("consumerGroup")
    let all = clients.withLock { clients in
      (clients.consumers(of: group) ?? []).compactMap { clients.client(on: $0)?.id }
    }
    var told: Set<ExactName> = []
    let ids = all.filter { told.insert(ExactName($0)).inserted }
    guard !ids.isEmpty else { throw Refusal(.systemError, "no consumer for this group, \(group)") }
    return Reply(body: ConsumerIDList(ids).bytes())
  }
}
