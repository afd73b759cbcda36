import ApusBase

/// Answers on their way to one peer. A connection has one only while there are any; they are passed around.
final class OutputBuffer {
  var bytes = ByteWriter(capacity: 4096)
  /// How many bytes from the front have been sent.
  var sent = 0

  var pending: Int { bytes.count - sent }
}

/// Output buffers of a loop that no connection uses at present.
struct OutputBufferPool {
  private static let keep = 64
  private static let capacityLimit = 1 << 20
  private var free: ContiguousArray<OutputBuffer> = []

  mutating func take() -> OutputBuffer { free.popLast() ?? OutputBuffer() }

  mutating func give(_ buffer: OutputBuffer) {
    guard free.count < OutputBufferPool.keep, buffer.bytes.capacity <= OutputBufferPool.capacityLimit else { return }
    buffer.bytes.removeAll()
    buffer.sent = 0
    free.append(buffer)
  }
}
