/// The index of a message in its message queue: 0 for the first ever put there, one more for each that follows.
/// It counts messages, not bytes.
@frozen
public struct QueueOffset: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The index.
  public var rawValue: Int64

  /// Wraps an index.
  @inlinable public init(rawValue: Int64) { self.rawValue = rawValue }

  /// Wraps an index.
  @inlinable public init(_ rawValue: Int64) { self.rawValue = rawValue }

  /// The first message of a queue.
  @inlinable public static var zero: QueueOffset { QueueOffset(0) }

  /// Orders by index.
  @inlinable public static func < (left: QueueOffset, right: QueueOffset) -> Bool { left.rawValue < right.rawValue }

  /// The index `count` messages further on.
  @inlinable public static func + (offset: QueueOffset, count: Int) -> QueueOffset {
    QueueOffset(offset.rawValue + Int64(count))
  }

  /// How many messages lie between two indices.
  @inlinable public static func - (left: QueueOffset, right: QueueOffset) -> Int { Int(left.rawValue - right.rawValue) }

  /// The decimal index.
  public var description: String { "\(rawValue)" }
}
