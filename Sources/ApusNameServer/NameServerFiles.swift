import ApusBase
import ApusRouteCore
import ApusSystem

/// The name server's two files: `kvConfig.json` and the settings changed by requests.
final class NameServerFiles: Sendable {
  private let disk: any Disk
  private let kv: Locked<ConfigFile>
  private let settings: Locked<ConfigFile>

  init(settings: NameServerSettings, disk: any Disk) {
    self.disk = disk
    kv = Locked(ConfigFile(path: settings.kvConfigPath))
    self.settings = Locked(ConfigFile(path: settings.configStorePath))
  }

  /// The KV settings stored last; empty when none were.
  func loadKV() throws(ConfigFileError) -> (KVConfig, ConfigFile.Source) {
    var file = kv.withLock { $0 }
    let loaded = try file.load(from: disk) { (bytes) throws(DecodeError) in
      try KVConfig(json: JSONParser.parse(bytes))
    }
    let used = file
    kv.withLock { $0 = used }
    guard let loaded else { return (KVConfig(), .file) }
    return (loaded.value, loaded.source)
  }

  func storeKV(_ config: KVConfig) throws(DiskError) { try store(config.json.bytes(), in: kv) }

  func storeSettings(_ settings: NameServerSettings) throws(DiskError) {
    try store(settings.stored, in: self.settings)
  }

  /// The file's lock is not held over the system calls: only one thread stores.
  private func store(_ content: [UInt8], in slot: Locked<ConfigFile>) throws(DiskError) {
    var file = slot.withLock { $0 }
    defer {
      let used = file
      slot.withLock { $0 = used }
    }
    try file.store(content.rawSpan, to: disk)
  }
}
