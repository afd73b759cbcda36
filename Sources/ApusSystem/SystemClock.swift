package import ApusBase
import CPosix

/// The machine's clocks. Reading either takes about 20 ns and makes no system call.
package enum SystemClock {
  /// The time of day, in whole milliseconds. It may jump in either direction.
  package static func wall() -> WallTime { WallTime(milliseconds: apus_wall_milliseconds()) }

  /// The time since the machine started; never jumps.
  package static func monotonic() -> MonotonicTime { MonotonicTime(nanoseconds: apus_monotonic_nanoseconds()) }
}
