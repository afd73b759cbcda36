import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 314: a group takes over another's offsets, in one topic or in all. Topics that the other group's members no
/// longer subscribe to are passed over unless `offline` is set.
package struct CloneGroupOffsetHandler: RequestHandler {
  private let topics: Locked<Topics>
  private let offsets: Locked<ConsumerOffsets>
  private let clients: Locked<ClientTable>
  private let config: ConfigStore

  /// Takes its parts.
  package init(
    topics: Locked<Topics>, offsets: Locked<ConsumerOffsets>, clients: Locked<ClientTable>, config: ConfigStore
  ) {
    self.topics = topics
    self.offsets = offsets
    self.clients = clients
    self.config = config
  }

  /// Answers; topics that do not exist are passed over.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
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
    do throws(DiskError) {
      try config.saveOffsets()
    } catch {
      throw Refusals.disk(error)
    }
    return Reply()
  }
}
