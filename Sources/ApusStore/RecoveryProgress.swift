/// How far a start has come: told about every 16 MiB, every file and every thousand queues, so that whoever waits can
/// be shown that something happens.
package struct RecoveryProgress: Hashable, Sendable, CustomStringConvertible {
  /// What is being done.
  package enum Phase: Hashable, Sendable {
    /// The log is read.
    case reading(path: String)
    /// What may only be in memory is brought to the device.
    case writing(path: String)
    /// Queues are looked through.
    case queues
  }

  /// How many bytes lie between two reports.
  static let stride = 16 << 20
  /// How many queues lie between two reports.
  static let queueStride = 1024

  /// What is being done.
  package var phase: Phase
  /// Bytes or queues done so far in this phase.
  package var done: Int
  /// How many there are, at most.
  package var total: Int

  /// One line for the log.
  package var description: String {
    switch phase {
    case .reading(let path): "recovery reads \(path): \(Self.mebibytes(done)) of at most \(Self.mebibytes(total))"
    case .writing(let path): "recovery makes \(path) durable: \(Self.mebibytes(done)) of \(Self.mebibytes(total))"
    case .queues: "recovery looks through the queues: \(done) of \(total)"
    }
  }

  private static func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
}
