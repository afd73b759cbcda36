import ApusAccess
package import ApusBase
package import ApusBrokerCore
import ApusFilter
import ApusModel
import ApusProtocol
package import ApusSystem

/// What requests are answered from: each table behind a lock of its own, of which never two are held at once.
package struct BrokerTables: Sendable {
  /// The settings.
  package let settings: Locked<BrokerSettings>
  /// The topics.
  package let topics: Locked<Topics>
  /// The consumer groups.
  package let groups: Locked<SubscriptionGroups>
  /// Where the groups are.
  package let offsets: Locked<ConsumerOffsets>
  /// How far delayed messages were delivered.
  package let delays: Locked<DelayOffsets>
  /// Who is connected.
  package let clients: Locked<ClientTable>
  /// What connected clients may do by whom their last heartbeats were signed, by their connections; those without
  /// limits are left out, as all are while access control is off.
  let grants = Locked<[UInt64: AccessGrant]>([:])
  /// How expired log files are asked to be removed.
  package let removal = RemovalRequest()
  /// Which client consumes which queue in order.
  package let locks = Locked(QueueLocks())
  /// What groups want by SQL conditions.
  package let filters: Locked<ConsumerFilters>
  /// How much was stored and delivered.
  package let statistics: Locked<BrokerStats>
  /// Whether the store has a file of offsets for light queues, which is kept up to date whether there are any now.
  private let hasLightOffsets: Bool

  /// Fills the tables with what an earlier run left behind. `seed` is random, so that no client can choose names that
  /// collide.
  package init(settings: BrokerSettings, stored: ConfigStore.Stored, now: WallTime, seed: UInt64) {
    var groups = SubscriptionGroups(
      autoCreates: settings.serving.createsGroups, stored: stored.groups, now: now, seed: seed)
    groups.limit = settings.process.groups
    groups.hasLightGroups = settings.topicRules.hasLightTopics
    self.settings = Locked(settings)
    self.topics = Locked(Topics(rules: settings.topicRules, stored: stored.topics, now: now, seed: seed))
    self.groups = Locked(groups)
    self.offsets = Locked(ConsumerOffsets(stored: stored.offsets, seed: seed))
    self.delays = Locked(stored.delays ?? DelayOffsets())
    self.clients = Locked(ClientTable(notifies: settings.serving.notifiesMembers, seed: seed))
    self.filters = Locked(
      ConsumerFilters(
        bloom: settings.filtering.bloom, lifetime: settings.filtering.lifetime, stored: stored.filters, now: now))
    self.statistics = Locked(BrokerStats())
    self.hasLightOffsets = stored.hasLightOffsets
  }

  /// Makes known the light topics among those that have queues.
  func adoptLightTopics(_ names: [String]) {
    topics.withLock { topics in
      for name in names where LightQueues.isLight(name) { _ = topics.light(name) }
    }
  }

  /// Keeps the configuration files of the store below `root` up to date with the tables.
  package func configStore(root: String, disk: any Disk) -> ConfigStore {
    ConfigStore(
      root: root, disk: disk, topics: topics, groups: groups, offsets: offsets, filters: filters,
      light: topics.withLock { $0.rules.hasLightTopics }, keepsLightOffsets: hasLightOffsets)
  }
}
