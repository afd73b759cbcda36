import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 25: changes settings. All of them or, when one is forbidden or cannot be or the settings file cannot be
/// written, none; keys that nobody knows are passed over.
///
/// Deviation from Java: a value that cannot be is refused rather than ignored, and the remark of a success names the
/// settings that count from the next start on, those that have no effect and keys that are not known.
package struct UpdateBrokerConfigHandler: RequestHandler {
  private let settings: Locked<BrokerSettings>
  private let topics: Locked<Topics>
  private let groups: Locked<SubscriptionGroups>
  private let clients: Locked<ClientTable>
  private let file: SettingsFile?
  private let listener: any TopicListener
  private let changes: ChangeLog
  /// One change at a time: of two the file could keep the one and the broker the other. Held while the file is written.
  private let turn = Lock()

  /// Takes its parts; `file` is nil for a broker that was started without one.
  package init(
    settings: Locked<BrokerSettings>, topics: Locked<Topics>, groups: Locked<SubscriptionGroups>,
    clients: Locked<ClientTable>, file: SettingsFile?, listener: any TopicListener, changes: ChangeLog
  ) {
    self.settings = settings
    self.topics = topics
    self.groups = groups
    self.clients = clients
    self.file = file
    self.listener = listener
    self.changes = changes
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let properties: PropertiesFile
    do throws(DecodeError) {
      properties = try PropertiesFile(parsing: request.body.rawSpan)
    } catch {
      throw Refusals.body(error)
    }
    turn.lock()
    defer { turn.unlock() }
    let before = settings.withLock { $0 }
    guard !before.forbids(properties) else {
      throw Refusal(.noPermission, "Can not update config in black list.")
    }
    let now = SystemClock.wall()
    // Tried on a copy and written first: what cannot be kept does not take effect either.
    var planned = before
    let change = try Self.update(&planned, properties, now)
    try keep(change)
    let updated = planned
    settings.withLock { $0 = updated }
    apply(change, now)
    changes.settingsChanged(change, from: before, by: requester)
    return Reply(remark: Self.remark(change))
  }

  /// What does not count at once; nil when everything does.
  private static func remark(_ change: BrokerSettings.Change) -> String? {
    let parts = [
      ("from the next start on", change.waiting), ("without effect", change.ineffective),
      ("not known, not changed", change.unknown),
    ]
    let told = parts.filter { !$0.1.isEmpty }.map { "\($0.0): \($0.1.joined(separator: ", "))" }
    return told.isEmpty ? nil : told.joined(separator: "; ")
  }

  private static func update(
    _ settings: inout BrokerSettings, _ properties: PropertiesFile, _ now: WallTime
  ) throws(Refusal) -> BrokerSettings.Change {
    do throws(SettingError) {
      return try settings.update(properties, now: now)
    } catch {
      throw Refusal(.systemError, error.description)
    }
  }

  /// Writes what is to change to the settings file.
  private func keep(_ change: BrokerSettings.Change) throws(Refusal) {
    guard let file, !change.entries.isEmpty else { return }
    do throws(SettingsFile.Failure) {
      try file.merge(change.entries)
    } catch {
      throw Refusal(.systemError, "the settings file \(file.path) \(error)")
    }
  }

  /// Hands live settings to the tables that go by them.
  private func apply(_ change: BrokerSettings.Change, _ now: WallTime) {
    let (rules, serving) = settings.withLock { ($0.topicRules, $0.serving) }
    topics.withLock { topics in
      topics.rules = rules
      if change.changesPermission { topics.touch(now: now) }
    }
    groups.withLock { $0.autoCreates = serving.createsGroups }
    clients.withLock { $0.notifies = serving.notifiesMembers }
    if change.changesPermission { listener.allTopicsChanged() }
  }
}
