import ApusAccess
import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusSystem

/// Tells the log what was changed of settings, topics and consumer groups, and by whom. The logger leaves out what
/// comes in masses, and says how many that were.
///
/// Values of settings are told as code 26 shows them: no key of a broker holds a secret.
package struct ChangeLog: Sendable {
  /// Letters of a value, or of a name that a client gives itself, that are told.
  private static let valueLetters = 100

  private let log: Logger

  /// Tells `log`.
  package init(_ log: Logger) { self.log = log }

  // MARK: By administrators

  /// Settings were changed; tells nothing when all of them had these values already.
  package func settingsChanged(_ change: BrokerSettings.Change, from before: BrokerSettings, by requester: Requester) {
    let changed = change.entries.filter { before[$0.key] != $0.value }
    guard !changed.isEmpty else { return }
    let told = changed.map { entry in
      let old = (before[entry.key] ?? "").shortened(to: Self.valueLetters)
      let new = entry.value.shortened(to: Self.valueLetters)
      return "\(entry.key): \(old) -> \(new)"
    }
    let waiting = change.waiting.isEmpty ? "none" : change.waiting.joined(separator: ", ")
    log.info(
      "broker", "settings changed",
      ["changes": told.joined(separator: ", "), "atNextStart": waiting, "by": Self.name(requester)])
  }

  /// A topic was made, or changed from what it was; tells nothing of one that stayed as it was.
  package func topicSet(_ topic: Topic, from before: Topic?, by requester: Requester) {
    guard before?.config != topic.config else { return }
    tell("topic", topic.name, from: before.map { Self.text($0.config) }, to: Self.text(topic.config), by: requester)
  }

  /// A topic was deleted.
  package func topicDeleted(_ topic: Topic, by requester: Requester) {
    log.info("broker", "topic deleted", ["topic": topic.name, "by": Self.name(requester)])
  }

  /// A group was made, or changed from what it was; tells nothing of one that stayed as it was.
  package func groupSet(_ group: SubscriptionGroup, from before: SubscriptionGroup?, by requester: Requester) {
    guard before?.config != group.config else { return }
    tell("group", group.name, from: before.map { Self.text($0.config) }, to: Self.text(group.config), by: requester)
  }

  /// A group was deleted.
  package func groupDeleted(_ group: SubscriptionGroup, isWithOffsets: Bool, by requester: Requester) {
    log.info(
      "broker", "group deleted", ["group": group.name, "withOffsets": isWithOffsets, "by": Self.name(requester)])
  }

  /// Something of a kind was made, or changed from what it was.
  private func tell(_ kind: String, _ name: String, from before: String?, to now: String, by requester: Requester) {
    guard let before else {
      return log.info("broker", "\(kind) made", [kind: name, "with": now, "by": Self.name(requester)])
    }
    log.info("broker", "\(kind) changed", [kind: name, "from": before, "to": now, "by": Self.name(requester)])
  }

  // MARK: By use

  /// A topic was made because somebody sends to it, consumes in a group whose retry topic it is, or the like.
  package func topicMadeByUse(_ topic: Topic, by user: String) {
    log.info(
      "broker", "topic made by its use",
      ["topic": topic.name, "with": Self.text(topic.config), "by": user.shortened(to: Self.valueLetters)])
  }

  /// A group was made because somebody consumes in it.
  package func groupMadeByUse(_ group: SubscriptionGroup) {
    log.info("broker", "group made by its use", ["group": group.name])
  }

  // MARK: Texts

  private static func text(_ config: TopicConfig) -> String {
    "\(config.readQueueCount) read and \(config.writeQueueCount) write queues, perm \(config.permission.rawValue)"
  }

  private static func text(_ config: SubscriptionGroupConfig) -> String {
    "consumeEnable \(config.consumeEnabled), consumeBroadcastEnable \(config.consumeBroadcastEnabled), "
      + "retryQueueNums \(config.retryQueueCount), retryMaxTimes \(config.retryMaxTimes), "
      + "brokerId \(config.brokerID), whichBrokerWhenConsumeSlowly \(config.whichBrokerWhenConsumeSlowly)"
  }

  /// Who asked: the account, where there is one, and the address.
  private static func name(_ requester: Requester) -> String {
    requester.grant.accessKey.map { "\($0)@\(requester.address)" } ?? "\(requester.address)"
  }
}

extension Locked<SubscriptionGroups> {
  /// The group with this name, made by its use where that is allowed; the log is told of one that is made.
  func findOrMake(_ name: String, _ changes: ChangeLog) -> SubscriptionGroup? {
    let (group, isNew) = withLock { groups -> (SubscriptionGroup?, Bool) in
      if let known = groups.find(name) { return (known, false) }
      return (groups.findOrMake(name, now: SystemClock.wall()), true)
    }
    // Light groups have no settings, and there may be one for each device out there.
    if isNew, let group, !LightQueues.isLight(name) { changes.groupMadeByUse(group) }
    return group
  }
}
