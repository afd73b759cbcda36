/// A moment by the wall clock, in milliseconds since 1970-01-01T00:00:00Z: what RocketMQ writes to disk and wire.
/// It may jump; use ``MonotonicTime`` to measure how long something took.
@frozen
public struct WallTime: RawRepresentable, Hashable, Comparable, Sendable {
  /// Milliseconds since the epoch.
  public var rawValue: Int64

  /// Wraps milliseconds since the epoch.
  @inlinable public init(rawValue: Int64) { self.rawValue = rawValue }

  /// Wraps milliseconds since the epoch.
  @inlinable public init(milliseconds: Int64) { self.rawValue = milliseconds }

  /// Milliseconds since the epoch.
  @inlinable public var milliseconds: Int64 { rawValue }

  /// Orders by time.
  @inlinable public static func < (left: WallTime, right: WallTime) -> Bool { left.rawValue < right.rawValue }

  /// The moment `milliseconds` later.
  @inlinable public func advanced(byMilliseconds milliseconds: Int64) -> WallTime {
    WallTime(milliseconds: rawValue &+ milliseconds)
  }
}

/// A moment by a clock that never jumps, in nanoseconds since an arbitrary start. Only differences mean anything.
@frozen
public struct MonotonicTime: RawRepresentable, Hashable, Comparable, Sendable {
  /// Nanoseconds since the clock's start.
  public var rawValue: Int64

  /// Wraps nanoseconds since the clock's start.
  @inlinable public init(rawValue: Int64) { self.rawValue = rawValue }

  /// Wraps nanoseconds since the clock's start.
  @inlinable public init(nanoseconds: Int64) { self.rawValue = nanoseconds }

  /// Orders by time.
  @inlinable public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.rawValue < right.rawValue }

  /// The moment a duration later, cut off where the clock ends.
  @inlinable public static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
    let nanoseconds = duration.nanoseconds
    let (sum, isBeyond) = time.rawValue.addingReportingOverflow(nanoseconds)
    return MonotonicTime(nanoseconds: isBeyond ? (nanoseconds < 0 ? .min : .max) : sum)
  }

  /// The time from `earlier` to `later`.
  @inlinable public static func - (later: MonotonicTime, earlier: MonotonicTime) -> Duration {
    .nanoseconds(later.rawValue &- earlier.rawValue)
  }

  /// The nanoseconds since `earlier`: what taking them out of a `Duration`, which divides 128 bits, costs is spared.
  @inlinable public func nanoseconds(since earlier: MonotonicTime) -> Int64 { rawValue &- earlier.rawValue }
}

extension Duration {
  /// The whole duration in nanoseconds, cut off at ±292 years.
  @inlinable public var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (whole, isBeyond) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, isJustBeyond) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
    return isBeyond || isJustBeyond ? (seconds < 0 ? .min : .max) : sum
  }

  /// The whole duration in milliseconds, rounded towards zero.
  @inlinable public var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds &* 1000 &+ attoseconds / 1_000_000_000_000_000
  }
}
