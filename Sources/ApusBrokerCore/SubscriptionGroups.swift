package import ApusBase
package import ApusModel

/// A consumer group's settings as they stand: an immutable value that handlers keep using after they let go of the
/// table's lock.
package final class SubscriptionGroup: NumberedSettings {
  /// The group's number: stable while the group exists, dense from 0, never given to another group.
  package let id: Int32
  /// The settings.
  package let config: SubscriptionGroupConfig

  /// Settings under a number.
  package init(id: Int32, config: SubscriptionGroupConfig) {
    self.id = id
    self.config = config
  }

  /// The name that settings are kept under.
  package static func name(of config: SubscriptionGroupConfig) -> String { config.name }

  /// The interned name.
  package var name: String { config.name }
}

/// The consumer groups of a broker, with the version that tells replicas whether they changed.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/…/broker/subscription/SubscriptionGroupManager.java
package struct SubscriptionGroups: Sendable {
  /// Whether groups are made when a consumer first names them: `autoCreateSubscriptionGroup`.
  package var autoCreates: Bool
  /// How many groups there may be.
  package var limit = 1_000_000
  /// `enableLmq`: whether names `%LMQ%…` are light groups, which have no settings.
  package var hasLightGroups = false
  /// Which state of the table this is.
  package var version: DataVersion { table.version }
  private var table: VersionedTable<SubscriptionGroup>

  /// Makes the table with the system's groups, or, with `stored`, what an earlier run left behind and the system's
  /// groups beneath.
  package init(autoCreates: Bool, stored: StoredSubscriptionGroups? = nil, now: WallTime, seed: UInt64 = 0) {
    self.autoCreates = autoCreates
    self.table = VersionedTable(now: now, seed: seed)
    for config in Self.systemGroups { table.put(config) }
    if let stored {
      table.version = stored.version
      for config in stored.groups { table.put(config) }
    }
  }

  /// The groups that every broker has.
  private static var systemGroups: [SubscriptionGroupConfig] {
    let plain = [SystemGroups.toolsConsumer, SystemGroups.filterServerConsumer, SystemGroups.selfTestConsumer]
    return (plain + SystemGroups.cloud).map { SubscriptionGroupConfig(name: $0) }
  }

  /// How many groups there are.
  package var count: Int { table.count }
  /// All groups, in the order they were made.
  package var all: [SubscriptionGroup] { table.all }

  /// The group with this name as it stands in a frame; about 20 ns. Does not make one.
  package func find(_ name: RawSpan) -> SubscriptionGroup? { table[name] }

  /// The group with this name. Does not make one.
  package func find(_ name: String) -> SubscriptionGroup? { table[name] }

  /// The group with this name, made with Java's defaults when there is none and groups are made at all. Nil when it may
  /// not be made: groups are not made by use, the name may not be one, or there are as many groups as there may be.
  package mutating func findOrMake(_ name: String, now: WallTime) -> SubscriptionGroup? {
    if let known = table[name] { return known }
    if hasLightGroups, LightQueues.isLight(name) { return light(name) }
    guard autoCreates || Self.isSystem(name), table.count < limit, Self.isName(name) else { return nil }
    return table.update(SubscriptionGroupConfig(name: name), now: now)
  }

  private mutating func light(_ name: String) -> SubscriptionGroup? {
    guard table.lightCount < limit, Self.isName(name) else { return nil }
    return table.putLight(SubscriptionGroupConfig(name: name))
  }

  /// Makes or replaces a group, as code 200 asks. A light group has no settings and stays as it is.
  @discardableResult
  package mutating func update(_ config: SubscriptionGroupConfig, now: WallTime) -> SubscriptionGroup {
    if hasLightGroups, LightQueues.isLight(config.name), let light = findOrMake(config.name, now: now) { return light }
    return table.update(config, now: now)
  }

  /// Takes a group out; nil when there was none.
  package mutating func delete(_ name: String, now: WallTime) -> SubscriptionGroup? {
    table.delete(name, now: now)
  }

  private static func isName(_ name: String) -> Bool {
    do throws(NameFault) {
      try GroupName.validate(name)
      return true
    } catch {
      return false
    }
  }

  /// Whether a group belongs to the system, so that it is made even where groups are not made by use.
  private static func isSystem(_ name: String) -> Bool { name.utf8.starts(with: SystemGroups.systemPrefix.utf8) }

  /// Differs whenever ``json`` does.
  package var mark: VersionedTable<SubscriptionGroup>.Mark { table.mark }

  /// What `subscriptionGroup.json` and the answer to code 201 hold.
  package var json: JSONValue {
    JSONValue(members: [
      "dataVersion": version.json,
      "subscriptionGroupTable": .object(all.map { JSONMember($0.name, $0.config.json) }),
    ])
  }
}

/// The content of `subscriptionGroup.json`.
package struct StoredSubscriptionGroups: Hashable, Sendable {
  /// Which state of the table it is.
  package var version: DataVersion
  /// The groups.
  package var groups: [SubscriptionGroupConfig]

  /// Reads the file's content. Names that could not be groups are kept: Java does not check them, and a store of its
  /// must open.
  package init(json: JSONValue) throws(DecodeError) {
    version = try DataVersion(json: json["dataVersion"] ?? .object([]))
    groups = []
    for member in json["subscriptionGroupTable"]?.members ?? [] {
      groups.append(try SubscriptionGroupConfig(json: member.value))
    }
  }
}
