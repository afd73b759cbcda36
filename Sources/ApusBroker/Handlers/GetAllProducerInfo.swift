import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 328: every connected producer, by group.
package struct GetAllProducerInfoHandler: RequestHandler {
  private let clients: Locked<ClientTable>

  /// Takes its parts.
  package init(clients: Locked<ClientTable>) { self.clients = clients }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let (moment, now) = (SystemClock.monotonic(), SystemClock.wall())
    let groups = clients.withLock { clients in
      clients.producerGroups.map { group in
        ProducerTable.Group(
          group,
          (clients.producers(of: group) ?? []).compactMap { clients.client(on: $0) }.map { client in
            ProducerTable.Producer(
              clientID: client.id, remoteAddress: "/\(client.address)", language: client.language,
              version: client.version,
              lastUpdate: now.advanced(byMilliseconds: -(moment - client.lastSeen).milliseconds))
          })
      }
    }
    return Reply(body: ProducerTable(groups).bytes())
  }
}
