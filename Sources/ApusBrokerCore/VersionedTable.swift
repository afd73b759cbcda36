import ApusBase
package import ApusModel

/// Settings that a broker keeps under a name, as they stand: an immutable value that handlers keep using after they let
/// go of the table's lock. A change of the settings makes a new one with the same number.
package protocol NumberedSettings: AnyObject, Sendable {
  /// What is set.
  associatedtype Config: Sendable
  /// Stable while the name exists, dense from 0, never given to another name.
  var id: Int32 { get }
  /// The interned name.
  var name: String { get }
  /// The name that settings are kept under.
  static func name(of config: Config) -> String
  /// Settings under a number.
  init(id: Int32, config: Config)
}

/// Settings by name, with the version that tells name servers and replicas whether they changed. What topics and
/// consumer groups have in common.
package struct VersionedTable<Entry: NumberedSettings>: Sendable {
  /// Which state of the table this is.
  package internal(set) var version: DataVersion
  private var entries: ByteKeyedTable<Entry>
  /// Light topics and groups: found by name and numbered like others, but without settings, so that they are neither
  /// kept nor told, and change no version.
  private var lights: ByteKeyedTable<Entry>
  /// One more than the highest number given so far.
  private var nextID: Int32 = 0

  /// An empty table. `seed` keeps clients from choosing names that collide.
  init(now: WallTime, seed: UInt64) {
    version = DataVersion(timestamp: now)
    entries = ByteKeyedTable(seed: seed)
    lights = ByteKeyedTable(seed: seed)
  }

  /// How many entries there are, light ones left out.
  var count: Int { entries.count }
  /// How many light entries there are.
  var lightCount: Int { lights.count }
  /// All entries but the light ones, in the order they were made.
  var all: [Entry] { entries.values.sorted { $0.id < $1.id } }

  /// The entry with this name as it stands in a frame; about 20 ns.
  subscript(_ name: RawSpan) -> Entry? { entries[name] ?? lights[name] }
  /// The entry with this name.
  subscript(_ name: String) -> Entry? { entries[name] ?? lights[name] }

  /// Makes or replaces an entry and leaves the version as it is.
  @discardableResult
  mutating func put(_ config: Entry.Config) -> Entry {
    let name = Entry.name(of: config)
    let id: Int32
    if let known = entries[name] {
      id = known.id
    } else {
      id = nextID
      nextID += 1
    }
    let entry = Entry(id: id, config: config)
    entries.update(entry, forKey: name)
    return entry
  }

  /// Makes a light entry; there must be none with its name.
  mutating func putLight(_ config: Entry.Config) -> Entry {
    let entry = Entry(id: nextID, config: config)
    nextID += 1
    lights.update(entry, forKey: Entry.name(of: config))
    return entry
  }

  /// Makes or replaces an entry.
  mutating func update(_ config: Entry.Config, now: WallTime) -> Entry {
    let entry = put(config)
    version.advance(now: now)
    return entry
  }

  /// Takes an entry out; nil when there was none.
  mutating func delete(_ name: String, now: WallTime) -> Entry? {
    guard let removed = entries.remove(name) else { return lights.remove(name) }
    version.advance(now: now)
    return removed
  }

  /// Differs whenever the content does.
  package var mark: Mark { Mark(version: version, count: count) }

  /// See ``VersionedTable/mark``.
  package struct Mark: Hashable, Sendable {
    private var version: DataVersion
    private var count: Int

    init(version: DataVersion, count: Int) {
      self.version = version
      self.count = count
    }
  }
}
