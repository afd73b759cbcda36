import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 204: who produces in a group.
package struct GetProducerConnectionListHandler: RequestHandler {
  private let clients: Locked<ClientTable>

  /// Takes its parts.
  package init(clients: Locked<ClientTable>) { self.clients = clients }

  /// Answers; a group without members does not exist.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let group = try request.text("producerGroup")
    let connections = clients.withLock { clients in
      clients.producers(of: group)?.compactMap { clients.client(on: $0)?.shown }
    }
    guard let connections else { throw Refusal(.systemError, "the producer group[\(group)] not exist") }
    return Reply(body: ProducerConnection(connections).bytes())
  }
}
