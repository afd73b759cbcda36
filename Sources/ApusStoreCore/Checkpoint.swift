package import ApusBase

/// RocketMQ's `checkpoint`: the store times up to which log, queues and index are on the device. Java's recovery starts
/// at the newest log file that begins before them.
///
/// | Offset | Bytes | Type | Field |
/// |---|---|---|---|
/// | 0 | 8 | i64 | store time of the last flushed record, ms |
/// | 8 | 8 | i64 | store time of the last record whose queue entry is flushed, ms |
/// | 16 | 8 | i64 | store time of the last record of finished index files, ms |
/// | 24 | 4072 | – | zero |
///
/// Big-endian. Source:
/// apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/StoreCheckpoint.java.
package struct Checkpoint: Hashable, Sendable {
  /// The length of the file.
  package static let bytes = 4096
  /// How far before the smaller time Java starts, in milliseconds.
  package static let marginMilliseconds: Int64 = 3000

  /// Store time of the last flushed record.
  package var log: WallTime
  /// Store time of the last record whose queue entry is flushed.
  package var queues: WallTime
  /// Store time of the last record of finished index files.
  package var index: WallTime

  /// Puts a checkpoint together.
  package init(log: WallTime, queues: WallTime, index: WallTime) {
    self.log = log
    self.queues = queues
    self.index = index
  }

  /// Reads a file's bytes; nil when there are fewer than 24.
  package init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= 24 else { return nil }
    log = WallTime(milliseconds: bytes.loadBigEndian(at: 0, as: Int64.self))
    queues = WallTime(milliseconds: bytes.loadBigEndian(at: 8, as: Int64.self))
    index = WallTime(milliseconds: bytes.loadBigEndian(at: 16, as: Int64.self))
  }

  /// The file's bytes.
  package var encoded: [UInt8] {
    var writer = ByteWriter(capacity: Self.bytes)
    writer.write(log.milliseconds)
    writer.write(queues.milliseconds)
    writer.write(index.milliseconds)
    writer.write(repeating: 0, count: Self.bytes - 24)
    return writer.array
  }

  /// Records stored up to here are in log and queues for sure.
  package var recoveryTime: WallTime {
    WallTime(milliseconds: max(min(log, queues).milliseconds, Self.marginMilliseconds) - Self.marginMilliseconds)
  }
}
