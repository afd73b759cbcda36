import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 200: makes or changes a consumer group, kept in `subscriptionGroup.json`.
///
/// Deviation from Java: names that cannot be groups and numbers that cannot be are refused.
package struct UpdateAndCreateSubscriptionGroupHandler: ChangingHandler {
  private let groups: Locked<SubscriptionGroups>
  private let changes: ChangeLog

  /// Takes its parts.
  package init(groups: Locked<SubscriptionGroups>, changes: ChangeLog) {
    self.groups = groups
    self.changes = changes
  }

  /// Makes the change.
  package func change(_ request: Command, from requester: Requester) throws(Refusal) -> ConfigChange {
    let group: SubscriptionGroupConfig
    do throws(DecodeError) {
      group = try SubscriptionGroupConfig(json: JSONParser.parse(request.body.rawSpan))
    } catch {
      throw Refusals.body(error)
    }
    try GroupName.check(group.name)
    guard (0...Topics.queueLimit).contains(group.retryQueueCount) else {
      throw Refusal(
        .systemError, "retryQueueNums is \(group.retryQueueCount) but must be from 0 to \(Topics.queueLimit)")
    }
    let (before, updated) = groups.withLock { groups in
      let before = groups.find(group.name)
      return (before, groups.update(group, now: SystemClock.wall()))
    }
    changes.groupSet(updated, from: before, by: requester)
    return ConfigChange(in: .groups)
  }
}
