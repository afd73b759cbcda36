package import ApusBase
import ApusModel
import ApusStoreCore

/// The index of one message queue into the log: an entry of 20 bytes for each queue offset, in files of equal length
/// (apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/ConsumeQueue.java).
///
/// The newest entries are in memory (the tail) until they are written to the file in batches. Files are sparse and have
/// their full length from the start, as Java's. A queue belongs to its store's owner; other threads only carry
/// references to it.
package final class ConsumeQueue: @unchecked Sendable {
  /// The topic.
  package let topic: String
  /// The number in the topic.
  package let id: Int32
  /// Whether it is a light queue: its messages lie in another one, too.
  let isLight: Bool
  /// A number of its own in this store, for tables.
  package let number: Int
  /// The directory of its files.
  package let directory: String
  /// The length of a file in bytes.
  let fileBytes: Int

  /// The queue offset that the next message gets: it runs ahead of ``maxOffset`` until the message is dispatched.
  package internal(set) var nextOffset = QueueOffset.zero
  /// The queue offset of the oldest message that is still in the log.
  package internal(set) var minOffset = QueueOffset.zero
  /// The end of the last entry's record; nil when there is none.
  package internal(set) var lastRecordEnd: PhysicalOffset?
  /// Free for the caller: how the broker finds what it keeps for this queue.
  package var attachment: AnyObject?

  var tail = QueueTail()
  /// Everything before it is in the files.
  var written: Int64 = 0
  /// Where the files begin, as byte positions in the queue, in order.
  var files: [Int64] = []
  /// Files before one that is missing: of no use, unless recovery puts back what is missing.
  var unconnected: [Int64] = []
  /// Entries that an I/O thread has read because the page cache did not have them.
  var warmed: (start: Int64, bytes: [UInt8])?
  /// Extension units that an I/O thread has read because the page cache did not have them, from this offset on.
  var warmedExtensions: (start: Int64, bytes: [UInt8])?
  /// Whether ``MessageStore/warmedQueues`` has the queue.
  var isWarmed = false
  /// Where the extension files end: units before it are whole and never change.
  var extensionEnd: Int64 = 0
  /// The directory of its extension files.
  let extensionDirectory: String
  /// The length of an extension file in bytes.
  let extensionFileBytes: Int64
  /// Set when a file could not be read: the next pull is told, the one after it tries again.
  var readFailed = false
  /// How many entries the queue had when recovery began to put its entries back; nil when it did not.
  var rebuiltFrom: Int64?
  /// Whether ``minOffset`` must be looked for anew: files came back before the others, or it lay behind the end.
  var mustFindBeginning = false
  /// The first queue offset whose entry recovery put back.
  var rebuiltAt: Int64 = 0
  /// How much memory of the tail the store has counted.
  var countedBytes = 0
  var isDirty = false
  var hasGrown = false
  /// Whether ``MessageStore`` finds the queue by its number.
  var isNumbered = false
  /// Whether the queue was removed with its topic: it has no files and gets no entries any more. Who still knows it
  /// looks for the queue of its name anew.
  package internal(set) var isRemoved = false
  /// The queue offset of the first entry that the last dispatch added.
  var grownFrom: Int64 = 0

  init(topic: String, id: Int32, number: Int, settings: StoreSettings) {
    self.topic = topic
    self.id = id
    self.number = number
    isLight = LightQueues.isLight(topic)
    directory = "\(settings.queueDirectory)/\(topic)/\(id)"
    fileBytes = settings.queueFileBytes
    extensionDirectory = "\(settings.extensionDirectory)/\(topic)/\(id)"
    extensionFileBytes = Int64(settings.extensionFileBytes)
  }

  /// The queue offset behind the newest entry.
  package var maxOffset: QueueOffset { QueueOffset(tail.end) }

  /// How many entries a file has.
  var entriesPerFile: Int64 { Int64(fileBytes / ConsumeQueueEntry.bytes) }

  /// The oldest entry in files or memory: memory is ahead while the first of the files is being put back.
  var firstEntry: Int64 {
    guard let first = files.first else { return tail.start }
    return min(first / Int64(ConsumeQueueEntry.bytes), tail.start)
  }

  /// Where the file begins, in bytes, that holds an entry.
  func fileStart(of offset: Int64) -> Int64 {
    let position = offset * Int64(ConsumeQueueEntry.bytes)
    return position - position % Int64(fileBytes)
  }

  /// The queue offset behind the last entry of the file that holds an entry.
  func fileEnd(of offset: Int64) -> Int64 { fileStart(of: offset) / Int64(ConsumeQueueEntry.bytes) + entriesPerFile }

  /// The path of the file that begins at a byte position.
  func path(ofFileAt start: Int64) -> String { directory + "/" + SegmentName.text(start) }

  /// Adds the entry of the next queue offset.
  @inline(__always)
  func append(_ entry: ConsumeQueueEntry) {
    tail.append(entry)
    lastRecordEnd = entry.end
  }

  /// The queue has no entries from here on; what the files hold beyond is cut by the caller.
  func restart(at offset: Int64) {
    tail.truncate(to: offset)
    if tail.end != offset { tail.restart(at: offset) }
    written = min(written, offset)
    nextOffset = QueueOffset(offset)
    warmed = nil
    guard minOffset.rawValue >= offset else { return }
    // The beginning may have been found by entries, or by a record, that are not what they seemed.
    minOffset = QueueOffset(min(firstEntry, offset))
    mustFindBeginning = true
  }
}

extension ConsumeQueue {
  /// The entries that the last ``MessageStore/dispatch()`` added, with their tags codes: for waking those who wait for
  /// them.
  package func forEachGrown(_ body: (_ offset: Int64, _ tagsCode: Int64) -> Void) {
    var offset = max(grownFrom, tail.start)
    while offset < tail.end {
      body(offset, ConsumeQueueEntry(tail.bytes(offset..<offset + 1), at: 0).tagsCode)
      offset += 1
    }
  }
}
