import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 203: who consumes in a group, how, and what.
package struct GetConsumerConnectionListHandler: RequestHandler {
  private let clients: Locked<ClientTable>

  /// Takes its parts.
  package init(clients: Locked<ClientTable>) { self.clients = clients }

  /// Answers; a group without members is not online.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let group = try request.text("consumerGroup")
    let answer = clients.withLock { clients -> ConsumerConnection? in
      guard let members = clients.consumers(of: group), let profile = clients.profile(of: group) else { return nil }
      return ConsumerConnection(
        connections: members.compactMap { clients.client(on: $0)?.shown },
        subscriptions: clients.subscriptions(of: group).map(\.data), consumeType: profile.consumeType,
        messageModel: profile.messageModel, consumeFromWhere: profile.consumeFromWhere)
    }
    guard let answer else { throw Refusal(.consumerNotOnline, "the consumer group[\(group)] not online") }
    return Reply(body: answer.bytes())
  }
}

extension ClientTable.Client {
  /// The client as tools are told.
  var shown: ClientConnection {
    ClientConnection(clientID: id, address: address.description, language: language, version: version)
  }
}
