import ApusBase
import ApusCommandLine
import ApusStore
import ApusStoreCore
import ApusSystem

/// A store that no broker has open, locked while this is alive: for itself alone, or together with others that only
/// read, in which case nothing is made in it either.
final class ClosedStore {
  let disk: PosixDisk
  /// Its root directory.
  let root: String
  /// How its files are laid out: as told, else as the files themselves show.
  let settings: StoreSettings
  /// The measures of its index files; nil when there are none.
  let index: IndexLayout?
  private var lock: DiskFile?

  /// Locks a store. Fails when it is not one or when a broker has it open.
  init(at path: String, _ access: PosixDisk.Access, _ arguments: Arguments) throws(CommandFailure) {
    disk = PosixDisk(access)
    root = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    var settings = StoreSettings(root: root)
    if let directory = arguments.text("commitlog") { settings.logDirectory = directory }
    let found = try Self.measures(of: settings, on: disk)
    let logBytes = try arguments.integer("segment-bytes", in: 1024...Int(Int32.max)) ?? found.logFileBytes
    settings.logFileBytes = max(logBytes ?? settings.logFileBytes, 1024)
    let queueBytes = try arguments.integer("queue-file-bytes", in: 20...Int(Int32.max)) ?? found.queueFileBytes
    settings.queueFileBytes = queueBytes ?? settings.queueFileBytes
    if let text = arguments.text("delay-levels") {
      guard let levels = DelayLevels(text) else {
        throw arguments.failure("--delay-levels is a list of delays like '1s 5m 2h 1d'")
      }
      settings.delayLevels = levels
    }
    guard settings.queueFileBytes % ConsumeQueueEntry.bytes == 0 else {
      throw arguments.failure("a queue file's length is a multiple of \(ConsumeQueueEntry.bytes)")
    }
    let slots = try arguments.integer("index-slots", in: 1...100_000_000) ?? IndexLayout.standard.slotCount
    self.settings = settings
    index = Self.layout(of: found.indexFileBytes, slots: slots)
    if found.indexFileBytes != nil, index == nil {
      throw arguments.failure("the index files do not have \(slots) slots: say --index-slots (maxHashSlotNum)")
    }
    do throws(DiskError) {
      lock = try access == .reading ? disk.lockShared(settings.lockPath) : disk.lock(settings.lockPath)
    } catch {
      throw error.code == .locked
        ? CommandFailure(.storeInUse, "a broker has the store \(root) open; stop it first") : failure(error)
    }
  }

  private static func measures(of settings: StoreSettings, on disk: PosixDisk) throws(CommandFailure) -> StoreMeasures {
    do throws(DiskError) {
      let measures = try StoreMeasures(of: settings.root, logDirectory: settings.logDirectory, on: disk)
      if try !disk.list(settings.logDirectory).isEmpty { return measures }
    } catch {
      throw CommandFailure(.disk, "the store \(settings.root): \(error)")
    }
    throw CommandFailure(.disk, "\(settings.logDirectory) has no files: is \(settings.root) a store?")
  }

  deinit { unlock() }

  /// Lets go of the lock, for who takes it himself.
  func unlock() {
    if let lock { disk.close(lock) }
    lock = nil
  }

  private static func layout(of bytes: Int?, slots: Int) -> IndexLayout? {
    guard let bytes else { return nil }
    let entries = (bytes - IndexLayout.headerBytes - slots * IndexLayout.slotBytes) / IndexLayout.entryBytes
    guard let layout = IndexLayout(slotCount: slots, entryCount: entries), layout.fileBytes == bytes else { return nil }
    return layout
  }

  /// A failure of the disk as the command's.
  func failure(_ error: DiskError) -> CommandFailure { CommandFailure(.disk, "the store \(root): \(error)") }
}
