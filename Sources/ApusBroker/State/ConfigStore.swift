package import ApusBase
package import ApusBrokerCore
package import ApusSystem

/// Keeps `topics.json`, `subscriptionGroup.json`, `consumerOffset.json`, `consumerFilter.json` and `delayOffset.json`
/// of a store up to date, and with light queues `lmqConsumerOffset.json`, in which Java then keeps all offsets: both
/// files are written, so that offsets are found whichever a next start reads. A store that has the second one keeps it
/// when light queues are switched off: else groups would go back to it when they are switched on again.
///
/// Topics and groups are written when they changed, offsets and filters at intervals; each file is written only when
/// its table moved since. All calls write to the device: they are made by an I/O thread (``ConfigCommit``) and the
/// housekeeper, never by a loop, and a lock per file, which nobody else takes, keeps two of them from writing the same
/// file at once.
package final class ConfigStore: Sendable {
  /// What an earlier run left behind.
  package struct Stored: Sendable {
    /// `topics.json`
    package var topics: StoredTopics?
    /// `subscriptionGroup.json`
    package var groups: StoredSubscriptionGroups?
    /// `consumerOffset.json` and `lmqConsumerOffset.json`
    package var offsets: StoredConsumerOffsets?
    /// Whether there is a `lmqConsumerOffset.json`.
    package var hasLightOffsets = false
    /// `consumerFilter.json`
    package var filters: StoredConsumerFilters?
    /// `delayOffset.json`
    package var delays: DelayOffsets?
    /// Files that were read from their backup, with the reason.
    package var fallbacks: [String] = []

    /// The files that are not there, of those that a stop in order leaves.
    var missing: [String] {
      let files = [
        ("topics.json", topics == nil), ("subscriptionGroup.json", groups == nil),
        ("consumerOffset.json", offsets == nil),
      ]
      return files.filter { $0.1 }.map { $0.0 }
    }
  }

  /// Some of the files, by what they hold.
  package struct Files: OptionSet, Hashable, Sendable {
    /// The bits.
    package let rawValue: UInt8

    /// Files by their bits.
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `topics.json`
    package static let topics = Files(rawValue: 1)
    /// `subscriptionGroup.json`
    package static let groups = Files(rawValue: 2)
    /// `consumerOffset.json`, and `lmqConsumerOffset.json` where it is kept
    package static let offsets = Files(rawValue: 4)
    /// `consumerFilter.json`
    package static let filters = Files(rawValue: 8)
    /// All that ``ConfigStore/save(_:)`` writes.
    package static let all: Files = [.topics, .groups, .offsets, .filters]
  }

  private struct Written<Mark: Equatable & Sendable>: Sendable {
    var file: ConfigFile
    var mark: Mark
  }

  private let disk: any Disk
  private let topics: Locked<Topics>
  private let groups: Locked<SubscriptionGroups>
  private let offsets: Locked<ConsumerOffsets>
  private let filters: Locked<ConsumerFilters>
  private let topicFile: Locked<Written<VersionedTable<Topic>.Mark?>>
  private let groupFile: Locked<Written<VersionedTable<SubscriptionGroup>.Mark?>>
  private let offsetFile: Locked<Written<Int64?>>
  /// Nil where there are no light queues and never were.
  private let lightOffsetFile: Locked<Written<Int64?>>?
  /// Whether a start reads ``lightOffsetFile`` before ``offsetFile``.
  private let lightOffsetsComeFirst: Bool
  private let filterFile: Locked<Written<Int64?>>
  private let delayFile: Locked<Written<DelayOffsets?>>

  /// The directory of the files below a store's root.
  private static func path(_ root: String, _ name: String) -> String { "\(root)/config/\(name)" }

  /// Reads what an earlier run left below `root`. Throws when a file and its backup are damaged.
  /// With light queues their file of offsets counts first, as for Java.
  package static func load(root: String, disk: any Disk, light: Bool = false) throws(ConfigFileError) -> Stored {
    var stored = Stored()
    stored.topics = try load("topics.json", root, disk, &stored) { json throws(DecodeError) in
      try StoredTopics(json: json)
    }
    stored.groups = try load("subscriptionGroup.json", root, disk, &stored) { json throws(DecodeError) in
      try StoredSubscriptionGroups(json: json)
    }
    let lightName = "lmqConsumerOffset.json"
    let names = ["consumerOffset.json", lightName]
    for name in light ? names.reversed() : names {
      let found = try load(name, root, disk, &stored) { json throws(DecodeError) in
        try StoredConsumerOffsets(json: json)
      }
      guard let found else { continue }
      if name == lightName { stored.hasLightOffsets = true }
      if stored.offsets == nil { stored.offsets = found } else { stored.offsets?.complete(with: found) }
    }
    stored.filters = try load("consumerFilter.json", root, disk, &stored) { json throws(DecodeError) in
      try StoredConsumerFilters(json: json)
    }
    stored.delays = try load("delayOffset.json", root, disk, &stored) { json throws(DecodeError) in
      try DelayOffsets(json: json)
    }
    return stored
  }

  private static func load<Value>(
    _ name: String, _ root: String, _ disk: any Disk, _ stored: inout Stored,
    _ read: (JSONValue) throws(DecodeError) -> Value
  ) throws(ConfigFileError) -> Value? {
    var file = ConfigFile(path: path(root, name))
    let loaded = try file.load(from: disk) { bytes throws(DecodeError) in
      try read(JSONParser.parse(bytes, limits: JSONParser.Limits(bytes: Int(ConfigFile.byteLimit))))
    }
    guard let loaded else { return nil }
    if case .backup(let damage) = loaded.source {
      stored.fallbacks.append("\(name) was read from its backup: \(damage?.description ?? "it is missing or empty")")
    }
    return loaded.value
  }

  /// Takes over the tables, which hold what ``load(root:disk:light:)`` gave. With `keepsLightOffsets` the file of light
  /// queues is written too.
  package init(
    root: String, disk: any Disk, topics: Locked<Topics>, groups: Locked<SubscriptionGroups>,
    offsets: Locked<ConsumerOffsets>, filters: Locked<ConsumerFilters>, light: Bool = false,
    keepsLightOffsets: Bool = false
  ) {
    self.disk = disk
    self.topics = topics
    self.groups = groups
    self.offsets = offsets
    self.filters = filters
    topicFile = Locked(Written(file: ConfigFile(path: Self.path(root, "topics.json")), mark: nil))
    groupFile = Locked(Written(file: ConfigFile(path: Self.path(root, "subscriptionGroup.json")), mark: nil))
    offsetFile = Locked(Written(file: ConfigFile(path: Self.path(root, "consumerOffset.json")), mark: nil))
    let lightFile = ConfigFile(path: Self.path(root, "lmqConsumerOffset.json"))
    lightOffsetFile = light || keepsLightOffsets ? Locked(Written(file: lightFile, mark: nil)) : nil
    lightOffsetsComeFirst = light
    filterFile = Locked(Written(file: ConfigFile(path: Self.path(root, "consumerFilter.json")), mark: 0))
    delayFile = Locked(Written(file: ConfigFile(path: Self.path(root, "delayOffset.json")), mark: nil))
  }

  /// Writes the topics if they changed.
  package func saveTopics() throws(DiskError) { try save(topics, \.mark, \.json, to: topicFile) }

  /// Writes the groups if they changed.
  package func saveGroups() throws(DiskError) { try save(groups, \.mark, \.json, to: groupFile) }

  /// Writes the offsets if they changed: first to the file that counts first at a start, so that one between the two
  /// does not go back behind what was written.
  package func saveOffsets() throws(DiskError) {
    if lightOffsetsComeFirst { try saveLightOffsets() }
    try save(offsets, \.changes, \.json, to: offsetFile)
    if !lightOffsetsComeFirst { try saveLightOffsets() }
  }

  private func saveLightOffsets() throws(DiskError) {
    if let lightOffsetFile { try save(offsets, \.changes, \.lightJSON, to: lightOffsetFile) }
  }

  /// Forgets the conditions that have been dead for long, and writes the others if they changed.
  package func saveFilters() throws(DiskError) {
    let now = SystemClock.wall()
    filters.withLock { $0.removeDead(now: now) }
    try save(filters, \.changes, \.json, to: filterFile)
  }

  /// Writes a table if its mark moved since it was written. The table's lock is held to copy it, not to write it.
  private func save<Table: Sendable, Mark: Equatable & Sendable>(
    _ table: Locked<Table>, _ mark: KeyPath<Table, Mark>, _ json: KeyPath<Table, JSONValue>,
    to file: Locked<Written<Mark?>>
  ) throws(DiskError) {
    try file.withLock { written throws(DiskError) in
      let copy = table.withLock { $0 }
      guard written.mark != copy[keyPath: mark] else { return }
      try written.file.store(copy[keyPath: json].bytes(.pretty).rawSpan, to: disk)
      written.mark = copy[keyPath: mark]
    }
  }

  /// Writes how far delayed messages were delivered, if that changed: to be called with what is durable.
  package func saveDelays(_ durable: DelayOffsets) throws(DiskError) {
    try delayFile.withLock { written throws(DiskError) in
      guard written.mark?.levels != durable.levels, !(written.mark == nil && durable.levels.isEmpty) else { return }
      try written.file.store(durable.json.bytes(.pretty).rawSpan, to: disk)
      written.mark = durable
    }
  }

  /// Writes those of these files whose tables changed, each though another cannot be written. Returns which could not
  /// be, and why.
  package func save(_ files: Files) -> [(file: Files, cause: DiskError)] {
    var failures: [(file: Files, cause: DiskError)] = []
    if files.contains(.topics) {
      do throws(DiskError) { try saveTopics() } catch { failures.append((file: .topics, cause: error)) }
    }
    if files.contains(.groups) {
      do throws(DiskError) { try saveGroups() } catch { failures.append((file: .groups, cause: error)) }
    }
    if files.contains(.offsets) {
      do throws(DiskError) { try saveOffsets() } catch { failures.append((file: .offsets, cause: error)) }
    }
    if files.contains(.filters) {
      do throws(DiskError) { try saveFilters() } catch { failures.append((file: .filters, cause: error)) }
    }
    return failures
  }

  /// Writes whatever changed but the delayed messages, each file though another cannot be written. Returns why files
  /// could not be.
  package func saveAll() -> [DiskError] { save(.all).map { $0.cause } }
}
