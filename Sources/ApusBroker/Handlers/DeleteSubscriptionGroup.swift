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
  private let changes: ChangeLog

  /// Takes its parts.
  package init(
    groups: Locked<SubscriptionGroups>, offsets: Locked<ConsumerOffsets>, statistics: Locked<BrokerStats>,
    config: ConfigStore, changes: ChangeLog
  ) {
    self.groups = groups
    self.offsets = offsets
    self.statistics = statistics
    self.config = config
    self.changes = changes
  }

  /// Answers; a group that does not exist is no error.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let name = try request.text("groupName")
    let deleted = groups.withLock { $0.delete(name, now: SystemClock.wall()) }
    let removesOffsets = request.flag("removeOffset")
    if let deleted { changes.groupDeleted(deleted, isWithOffsets: removesOffsets, by: requester) }
    if removesOffsets { offsets.withLock { $0.remove(group: name) } }
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
