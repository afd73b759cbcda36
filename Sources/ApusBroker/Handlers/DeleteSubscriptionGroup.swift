import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 207: deletes a consumer group, with `removeOffset` its offsets too.
package struct DeleteSubscriptionGroupHandler: ChangingHandler {
  private let groups: Locked<SubscriptionGroups>
  private let offsets: Locked<ConsumerOffsets>
  private let statistics: Locked<BrokerStats>
  private let changes: ChangeLog

  /// Takes its parts.
  package init(
    groups: Locked<SubscriptionGroups>, offsets: Locked<ConsumerOffsets>, statistics: Locked<BrokerStats>,
    changes: ChangeLog
  ) {
    self.groups = groups
    self.offsets = offsets
    self.statistics = statistics
    self.changes = changes
  }

  /// Makes the change; a group that does not exist is no error.
  package func change(_ request: Command, from requester: Requester) throws(Refusal) -> ConfigChange {
    let name = try request.text("groupName")
    let deleted = groups.withLock { $0.delete(name, now: SystemClock.wall()) }
    let removesOffsets = request.flag("removeOffset")
    if let deleted { changes.groupDeleted(deleted, isWithOffsets: removesOffsets, by: requester) }
    if removesOffsets { offsets.withLock { $0.remove(group: name) } }
    statistics.withLock { $0.forget(group: name) }
    return ConfigChange(in: [.groups, .offsets])
  }
}
