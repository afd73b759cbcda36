import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 207: deletes a consumer group, with `removeOffset` its offsets too.
package struct DeleteSubscriptionGroupHandler: RequestHandler {
  private let groups: Locked<SubscriptionGroups>
  private let offsets: Locked<ConsumerOffsets>
  private let statistics: Locked<BrokerStats>
  private let config: ConfigStore

  /// Takes its parts.
  package init(
    groups: Locked<SubscriptionGroups>, offsets: Locked<ConsumerOffsets>, statistics: Locked<BrokerStats>,
    config: ConfigStore
  ) {
    self.groups = groups
    self.offsets = offsets
    self.statistics = statistics
    self.config = config
  }

  /// Answers; a group that does not exist is no error.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let name = try request.text("groupName")
    groups.withLock { _ = $0.delete(name, now: SystemClock.wall()) }
    if request.flag("removeOffset") { offsets.withLock { $0.remove(group: name) } }
    statistics.withLock { $0.forget(group: name) }
    do throws(DiskError) {
      try config.saveGroups()
      try config.saveOffsets()
    } catch {
      throw Refusals.disk(error)
    }
    return Reply()
  }
}
