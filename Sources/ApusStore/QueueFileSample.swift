import ApusBase
import ApusStoreCore

/// The names and lengths of the files of some queues, from which a start sees that they were made with another
/// `mappedFileSizeConsumeQueue`. With the wrong one messages would be hidden and their queue offsets given out again.
///
/// Only a part of the queues is looked at, and no file is read, so that a start with many queues takes no longer. A
/// file that a crash or damage left short tells nothing by itself.
struct QueueFileSample {
  /// How many queues are looked at.
  static let queueLimit = 64
  /// Short files have to be at least this long to tell of another setting, in entries: nobody sets fewer, and a file
  /// that a crash left short is as long as its entries.
  private static let fewestEntries: Int64 = 100

  private let fileBytes: Int64
  /// How many files have bytes.
  private var count = 0
  /// The length that all of them have; nil as soon as one differs.
  private var commonLength: Int64?

  init(fileBytes: Int) { self.fileBytes = Int64(fileBytes) }

  /// Whether one of the queues has a file with bytes.
  var hasFiles: Bool { count > 0 }

  /// Takes in the files of one queue. Throws the layout error when one cannot be of this setting.
  mutating func add(_ files: [DiskEntry], of directory: String) throws(StoreError) {
    for file in files where !file.isDirectory && file.length > 0 {
      guard let start = SegmentName.start(file.name) else { continue }
      let path = directory + "/" + file.name
      guard file.length <= fileBytes else {
        throw .layout(
          path: path, reason: "has \(file.length) bytes, but mappedFileSizeConsumeQueue is \(fileBytes)")
      }
      guard start % fileBytes == 0 else {
        throw .layout(path: path, reason: "begins within another file: mappedFileSizeConsumeQueue is not \(fileBytes)")
      }
      commonLength = count == 0 || commonLength == file.length ? file.length : nil
      count += 1
    }
  }

  /// Throws the layout error when all files have one and the same length, which is not that of the setting.
  func finish(below directory: String) throws(StoreError) {
    let size = Int64(ConsumeQueueEntry.bytes)
    guard count > 1, let length = commonLength, length < fileBytes, length % size == 0,
      length >= Self.fewestEntries * size
    else { return }
    throw .layout(
      path: directory, reason: "has files of \(length) bytes, but mappedFileSizeConsumeQueue is \(fileBytes)")
  }
}
