import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 314: a group takes over another's offsets, in one topic or in all. Topics that the other group's members no
/// longer subscribe to are passed over unless `offline` is set.
package struct CloneGroupOffsetHandler: ChangingHandler {
  private let topics: Locked<Topics>
  private let offsets: Locked<ConsumerOffsets>
  private let clients: Locked<ClientTable>

  /// Takes its parts.
  package init(
    topics: Locked<Topics>, offsets: Locked<ConsumerOffsets>, clients: Locked<ClientTable>
  ) {
    self.topics = topics
    self.offsets = offsets
    self.clients = clients
  }

  /// Makes the change; topics that do not exist are passed over.
  package func change(_ request: Command, from requester: Requester) throws(Refusal) -> ConfigChange {
    let source = try request.text("srcGroup")
    let target = try request.text("destGroup")
    try GroupName.check(target)
    guard target != SystemGroups.transactionConsumer else {
      throw Refusals.ownOffsets(target)
    }
    let names = request.nonBlank("topic").map { [$0] } ?? offsets.withLock { $0.topics(ofGroup: source) }
    var subscribed: Set<String> = []
    if !request.flag("offline") {
      subscribed = Set(clients.withLock { $0.subscriptions(of: source) }.map(\.topic))
    }
    for name in names where subscribed.isEmpty || subscribed.contains(name) {
      guard topics.withLock({ $0.find(name) }) != nil else { continue }
      guard offsets.withLock({ $0.copy(fromGroup: source, toGroup: target, topic: name) }) else {
        throw Refusals.tooManyOffsets
      }
    }
    return ConfigChange(in: .offsets)
  }
}
