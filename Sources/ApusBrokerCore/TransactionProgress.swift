package import ApusBase

/// How far CID_RMQ_SYS_TRANS may be said to have come in the queues of half and of operation messages.
///
/// Its offsets are kept in a file of their own. Were they on the device before the operation messages that they rely
/// on, a power loss that takes those would leave half messages behind that nobody asks about and nobody delivers. So
/// new offsets wait until the log is on the device as far as it reached when they were read.
package struct TransactionProgress: Sendable {
  /// The offsets in both queues.
  package struct Offsets: Hashable, Sendable {
    /// The first half message that has not ended.
    package var half: Int64
    /// The first operation message that is still needed.
    package var operation: Int64

    /// Names both.
    package init(half: Int64, operation: Int64) {
      self.half = half
      self.operation = operation
    }
  }

  private struct Waiting: Sendable {
    var offsets: Offsets
    var end: PhysicalOffset
  }

  /// What was told last.
  package private(set) var told: Offsets
  private var waiting: Waiting?

  /// Begins with what the last run has kept.
  package init(from offsets: Offsets) { told = offsets }

  /// The offsets are these now, `end` is where the log ends and `flushed` how much of it is on the device. Returns what
  /// is to be kept from now on; nil when that has not changed.
  package mutating func advance(to offsets: Offsets, end: PhysicalOffset, flushed: PhysicalOffset) -> Offsets? {
    var durable: Offsets?
    if let waiting, waiting.end <= flushed {
      durable = waiting.offsets
      self.waiting = nil
    }
    if end <= flushed {
      durable = offsets
      waiting = nil
    } else if waiting == nil {
      waiting = Waiting(offsets: offsets, end: end)
    }
    guard let durable, durable != told else { return nil }
    told = durable
    return durable
  }
}
