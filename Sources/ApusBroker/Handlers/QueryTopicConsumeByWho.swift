import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 300: which consumer groups read a topic: those that subscribe to it now, and those that have offsets in it.
package struct QueryTopicConsumeByWhoHandler: RequestHandler {
  private let clients: Locked<ClientTable>
  private let offsets: Locked<ConsumerOffsets>

  /// Takes its parts.
  package init(clients: Locked<ClientTable>, offsets: Locked<ConsumerOffsets>) {
    self.clients = clients
    self.offsets = offsets
  }

  /// Answers, sorted by name.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let topic = try request.text("topic")
    let subscribing = clients.withLock { $0.groups(subscribedTo: topic) }
    let consuming = offsets.withLock { $0.groups(ofTopic: topic) }
    return Reply(body: GroupList(Set(subscribing).union(consuming).sorted()).bytes())
  }
}
