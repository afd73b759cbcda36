package import ApusBase
import Glibc

/// A moment as the clock on the wall of this machine's time zone shows it.
package struct LocalTime: Hashable, Sendable {
  /// The year, as 2026.
  package var year: Int
  /// The month, 1…12.
  package var month: Int
  /// The day of the month, 1…31.
  package var day: Int
  /// The hour, 0…23.
  package var hour: Int
  /// The minute, 0…59.
  package var minute: Int
  /// The second, 0…60.
  package var second: Int
  /// The millisecond, 0…999.
  package var millisecond: Int

  /// The local form of a moment; the epoch for moments that the C library cannot express.
  package init(_ time: WallTime) { self = unsafe LocalTime.breakDown(time, localtime_r) }

  /// The form of a moment in UTC.
  package static func utc(_ time: WallTime) -> LocalTime { unsafe breakDown(time, gmtime_r) }

  private typealias Conversion = (UnsafePointer<time_t>, UnsafeMutablePointer<tm>) -> UnsafeMutablePointer<tm>?

  private static func breakDown(_ time: WallTime, _ convert: Conversion) -> LocalTime {
    var (seconds, millisecond) = time.milliseconds.quotientAndRemainder(dividingBy: 1000)
    if millisecond < 0 {
      millisecond += 1000
      seconds -= 1
    }
    var clock = time_t(seconds)
    var parts = unsafe tm()
    if unsafe convert(&clock, &parts) == nil {
      clock = 0
      _ = unsafe convert(&clock, &parts)
    }
    return unsafe LocalTime(
      year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday), hour: Int(parts.tm_hour),
      minute: Int(parts.tm_min), second: Int(parts.tm_sec), millisecond: Int(millisecond))
  }

  private init(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, millisecond: Int) {
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
    self.millisecond = millisecond
  }

  /// The moment that the local clock shows so; where it shows it twice, either.
  package static func moment(
    year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, millisecond: Int = 0
  ) -> WallTime {
    var parts = unsafe tm()
    unsafe parts.tm_year = Int32(truncatingIfNeeded: year - 1900)
    unsafe parts.tm_mon = Int32(truncatingIfNeeded: month - 1)
    unsafe parts.tm_mday = Int32(truncatingIfNeeded: day)
    unsafe parts.tm_hour = Int32(truncatingIfNeeded: hour)
    unsafe parts.tm_min = Int32(truncatingIfNeeded: minute)
    unsafe parts.tm_sec = Int32(truncatingIfNeeded: second)
    unsafe parts.tm_isdst = -1
    return unsafe WallTime(milliseconds: Int64(mktime(&parts)) &* 1000 &+ Int64(millisecond))
  }

  /// `yyyyMMddHHmmssSSS`, as index files are named.
  package var compact: String {
    pad(year, 4) + pad(month, 2) + pad(day, 2) + pad(hour, 2) + pad(minute, 2) + pad(second, 2) + pad(millisecond, 3)
  }

  /// `yyyy-MM-ddTHH:mm:ss.SSS`, without a zone.
  package var iso: String {
    let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
    return "\(date)T\(pad(hour, 2)):\(pad(minute, 2)):\(pad(second, 2)).\(pad(millisecond, 3))"
  }

  private func pad(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}
