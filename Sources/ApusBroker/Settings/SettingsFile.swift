package import ApusBase
import ApusSystem

/// The configuration file that a broker was started with: what is changed while it runs is written there, so that it
/// counts at the next start too. Comments in the file are lost by that, as with Java.
package final class SettingsFile: Sendable {
  private struct State: Sendable {
    var file: ConfigFile
    var properties: PropertiesFile
  }

  /// Where the file is.
  package let path: String
  private let disk: any Disk
  private let state: Locked<State>

  /// Describes the file that `properties` were read from.
  package init(path: String, properties: PropertiesFile, disk: any Disk) {
    self.path = path
    self.disk = disk
    state = Locked(State(file: ConfigFile(path: path), properties: properties))
  }

  /// Sets keys and writes the file. Waits for the device; the lock is taken by nothing else.
  package func merge(_ entries: [PropertiesFile.Entry]) throws(DiskError) {
    try state.withLock { state throws(DiskError) in
      var merged = state.properties
      for entry in entries { merged[entry.key] = entry.value }
      try state.file.store(merged.text.rawSpan, to: disk)
      state.properties = merged
    }
  }
}
