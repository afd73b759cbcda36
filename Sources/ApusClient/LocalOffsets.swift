import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem

/// How far this client has consumed each queue of a group whose messages are broadcast: kept in a file of this machine,
/// `DIRECTORY/CLIENT/GROUP/offsets.json` and its `.bak`, in Java's form. Calls wait for the disk.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:client/src/main/java/org/apache/rocketmq/client/consumer/store/LocalFileOffsetStore.java.
/// Deviation: queues that are not this consumer's at present stay in the file.
final class LocalOffsets: Sendable {
  /// Where the file is.
  let path: String
  private let disk = PosixDisk()
  /// Taken by threads that may wait for the disk only.
  private let file: Locked<ConfigFile>
  private let table = Locked<[MessageQueue: Int64]>([:])

  /// The offsets of a group; nothing is read yet.
  init(group: String, runtime: ClientRuntime) throws(ClientError) {
    guard let directory = runtime.configuration.localOffsetDirectory ?? Self.standardDirectory else {
      throw ClientError(
        .invalidArgument, "there is no home directory to keep offsets in", advice: "Give localOffsetDirectory.")
    }
    path = "\(directory)/\(runtime.localID)/\(group)/offsets.json"
    file = Locked(ConfigFile(path: path))
  }

  /// The offset that the file had or was given of a queue.
  func offset(of queue: MessageQueue) -> Int64? { table.withLock { $0[queue] } }

  /// Reads the file. One that is damaged together with its backup is an error rather than a new start, as messages
  /// would be missed or come again.
  func load() throws(ClientError) {
    do throws(ConfigFileError) {
      let found = try file.withLock { file throws(ConfigFileError) in
        try file.load(from: disk) { bytes throws(DecodeError) in try LocalOffsetTable(bytes: bytes).offsets.entries }
      }
      table.withLock { table in for entry in found?.value ?? [] { table[entry.queue] = entry.offset } }
    } catch {
      throw ClientError(
        .system, "the offsets of a broadcast group cannot be read: \(error)",
        advice: "Repair the file, or remove it and its .bak to begin anew.", cause: error)
    }
  }

  /// Adds offsets and replaces the file.
  func store(_ offsets: [MessageQueue: Int64]) throws(DiskError) {
    try file.withLock { file throws(DiskError) in
      let all = table.withLock { $0.merging(offsets) { _, new in new } }
      let entries = all.sorted { $0.key < $1.key }.map { QueueOffsets.Entry($0.key, $0.value) }
      try file.store(LocalOffsetTable(QueueOffsets(entries)).bytes(.pretty).rawSpan, to: disk)
      table.withLock { $0 = all }
    }
  }

  private static var standardDirectory: String? { ProcessIO.environment("HOME").map { $0 + "/.rocketmq_offsets" } }
}
