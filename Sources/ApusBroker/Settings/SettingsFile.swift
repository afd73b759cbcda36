package import ApusBase
import ApusSystem

/// The configuration file that a broker was started with: what is changed while it runs is written there, so that it
/// counts at the next start too.
///
/// The file is its owner's: comments, order, keys that nobody knows and what the owner changed meanwhile stay, and so
/// do owner and mode. `FILE.bak` is the file before the last change, as with Java, whatever was there under that name.
///
/// Deviation from Java, which writes all settings anew and loses comments.
package final class SettingsFile: Sendable {
  /// Why a change is not in the file.
  package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
    /// It cannot be written.
    case disk(DiskError)
    /// What the owner made of it since the start cannot be read.
    case unreadable(DecodeError)

    /// What cannot be done with the file, and why.
    package var description: String {
      switch self {
      case .disk(let error): "cannot be written, no setting was changed: \(error)"
      case .unreadable(let error): "cannot be read as it is now, no setting was changed: \(error)"
      }
    }
  }

  private struct State: Sendable {
    var file: ConfigFile
    /// What the file held at the start, or was written last.
    var text: [UInt8]
  }

  /// Where the file is.
  package let path: String
  private let disk: any Disk
  private let state: Locked<State>

  /// Describes the file that `properties` were read from.
  package init(path: String, properties: PropertiesFile, disk: any Disk) {
    self.path = path
    self.disk = disk
    state = Locked(State(file: ConfigFile(path: path), text: properties.text))
  }

  /// Sets keys and writes the file. Waits for the device; the lock is taken by nothing else.
  package func merge(_ entries: [PropertiesFile.Entry]) throws(Failure) {
    try state.withLock { state throws(Failure) in
      // A file that somebody removed is made again from what was known of it.
      var present = try Self.content(of: state.file, on: disk) ?? []
      if present.isEmpty { present = state.text }
      let text: [UInt8]
      do throws(DecodeError) {
        var edited = try PropertiesText(present)
        try edited.set(entries)
        text = edited.bytes
      } catch {
        throw .unreadable(error)
      }
      do throws(DiskError) {
        try state.file.store(text.rawSpan, to: disk)
      } catch {
        throw .disk(error)
      }
      state.text = text
    }
  }

  private static func content(of file: ConfigFile, on disk: any Disk) throws(Failure) -> [UInt8]? {
    do throws(ConfigFileError) {
      return try file.content(on: disk)
    } catch {
      switch error {
      case .disk(let error): throw .disk(error)
      case .damaged(_, let error): throw .unreadable(error)
      }
    }
  }
}
