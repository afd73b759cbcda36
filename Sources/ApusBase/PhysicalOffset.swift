/// A byte position in the commit log, counted from the first byte the broker ever wrote. Never negative in a valid
/// record.
@frozen
public struct PhysicalOffset: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The position in bytes.
  public var rawValue: Int64

  /// Wraps a position in bytes.
  @inlinable public init(rawValue: Int64) { self.rawValue = rawValue }

  /// Wraps a position in bytes.
  @inlinable public init(_ rawValue: Int64) { self.rawValue = rawValue }

  /// The start of the log.
  @inlinable public static var zero: PhysicalOffset { PhysicalOffset(0) }

  /// Orders by position.
  @inlinable public static func < (left: PhysicalOffset, right: PhysicalOffset) -> Bool {
    left.rawValue < right.rawValue
  }

  /// The position `bytes` further on.
  @inlinable public static func + (offset: PhysicalOffset, bytes: Int) -> PhysicalOffset {
    PhysicalOffset(offset.rawValue + Int64(bytes))
  }

  /// The distance in bytes.
  @inlinable public static func - (left: PhysicalOffset, right: PhysicalOffset) -> Int {
    Int(left.rawValue - right.rawValue)
  }

  /// The decimal position.
  public var description: String { "\(rawValue)" }
}
