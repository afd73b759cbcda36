import ApusStoreCore

/// Memory for the queue entries of one pull.
@safe
final class ScanBuffer {
  /// How many entries fit.
  static let entries = 160
  let memory = UnsafeMutableRawBufferPointer.allocate(
    byteCount: ScanBuffer.entries * ConsumeQueueEntry.bytes, alignment: 16)

  deinit { unsafe memory.deallocate() }

  /// The first byte.
  @unsafe
  var base: UnsafeMutableRawPointer {
    guard let base = unsafe memory.baseAddress else { preconditionFailure("no scratch memory") }
    return unsafe base
  }

  /// The first entry.
  var first: ConsumeQueueEntry {
    let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(memory))
    return ConsumeQueueEntry(bytes, at: 0)
  }
}
