import ApusBase
import ApusSystem

/// Times as mqadmin shows and reads them, in this machine's time zone.
extension WallTime {
  /// `yyyy-MM-dd HH:mm:ss`
  var secondsText: String { LocalTime(self).secondsText }

  /// `yyyy-MM-dd HH:mm:ss,SSS`
  var millisecondsText: String { "\(secondsText),\(zeroed(LocalTime(self).millisecond, 3))" }

  /// `yyyy-MM-dd#HH:mm:ss:SSS`, the form that mqadmin reads too.
  var optionText: String { secondsText.replacing(" ", with: "#") + ":" + zeroed(LocalTime(self).millisecond, 3) }

  /// Reads milliseconds since 1970 or `yyyy-MM-dd#HH:mm:ss:SSS`; nil for anything else.
  init?(optionText text: String) {
    if let milliseconds = Int64(text) {
      self.init(milliseconds: milliseconds)
      return
    }
    let parts = text.split(omittingEmptySubsequences: false) { "-#:".contains($0) }
    let separators = text.filter { "-#:".contains($0) }
    let numbers = parts.compactMap { part in part.allSatisfy(\.isASCII) ? Int(part) : nil }
    guard separators == "--#:::", numbers.count == 7, numbers.allSatisfy({ $0 >= 0 }),
      (1970...9999).contains(numbers[0]), (1...12).contains(numbers[1]), (1...31).contains(numbers[2]),
      numbers[3] < 24, numbers[4] < 60, numbers[5] < 60, numbers[6] < 1000
    else { return nil }
    self = LocalTime.moment(
      year: numbers[0], month: numbers[1], day: numbers[2], hour: numbers[3], minute: numbers[4], second: numbers[5],
      millisecond: numbers[6])
  }
}

extension LocalTime {
  /// `yyyy-MM-dd HH:mm:ss`
  var secondsText: String {
    "\(zeroed(year, 4))-\(zeroed(month, 2))-\(zeroed(day, 2))"
      + " \(zeroed(hour, 2)):\(zeroed(minute, 2)):\(zeroed(second, 2))"
  }
}

/// A number filled up with zeroes in front.
func zeroed(_ number: Int, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

extension Cell {
  /// A time, milliseconds in JSON, `yyyy-MM-dd HH:mm:ss,SSS` as text; a time of 0 is shown as `none`.
  static func time(_ time: WallTime, none: String) -> Cell {
    .value(.integer(time.milliseconds), shown: time.milliseconds > 0 ? time.millisecondsText : none)
  }

  /// The same to the second. Without `none` a time of 0 is shown as any other, so that a line keeps its columns.
  static func seconds(_ time: WallTime, none: String? = nil) -> Cell {
    .value(.integer(time.milliseconds), shown: time.milliseconds > 0 ? time.secondsText : none ?? time.secondsText)
  }
}
