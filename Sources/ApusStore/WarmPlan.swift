package import ApusBase
import ApusModel
import ApusStoreCore

/// Brings near what a pull or a lookup needs and what only the device has: maps a log file, or opens and reads a queue
/// file. An I/O thread runs it; then the pull is tried again.
package struct WarmPlan: Sendable {
  enum Work: Sendable {
    case map(start: PhysicalOffset, path: String, length: Int)
    case entries(ConsumeQueue, QueueFileCache.Key, path: String, from: Int64, position: Int64, count: Int)
    case extensions(ConsumeQueue, QueueFileCache.Key, path: String, position: Int64, count: Int)
  }

  /// What came of it.
  package enum Outcome: Sendable {
    /// The log file is mapped.
    case mapped(Mapping)
    /// The entries were read.
    case read(OpenFile, [UInt8])
    /// The device failed.
    case failed(DiskError)
  }

  let work: Work

  init(mapping file: MappedFile, length: Int) {
    work = .map(start: file.start, path: file.path, length: length)
  }

  init(queue: ConsumeQueue, key: QueueFileCache.Key, from: Int64, position: Int64, count: Int) {
    work = .entries(queue, key, path: queue.path(ofFileAt: key.start), from: from, position: position, count: count)
  }

  /// Reads extension units.
  init(queue: ConsumeQueue, extensionsFrom offset: Int64, in file: QueueFileCache.Key, count: Int) {
    work = .extensions(
      queue, file, path: queue.path(ofExtensionFileAt: file.start), position: offset - file.start, count: count)
  }

  /// Does it. Blocks.
  package func run(on disk: any Disk) -> Outcome {
    do throws(DiskError) {
      switch work {
      case .map(_, let path, let length):
        return .mapped(try Mapping(disk: disk, path: path, length: length, writable: false))
      case .entries(_, _, let path, _, let position, let count):
        let file = try OpenFile(disk: disk, path: path, create: false)
        return .read(file, try disk.bytes(of: file.file, at: position, count: count * ConsumeQueueEntry.bytes))
      case .extensions(_, _, let path, let position, let count):
        let file = try OpenFile(disk: disk, path: path, create: false)
        return .read(file, try disk.bytes(of: file.file, at: position, count: count))
      }
    } catch {
      return .failed(error)
    }
  }
}
