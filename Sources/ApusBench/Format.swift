import ApusBase

/// Numbers as people read them.
package enum Format {
  /// A number with so many digits after the point.
  package static func decimal(_ value: Double, places: Int) -> String {
    precondition((1...6).contains(places), "one to six places")
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    var scale: Int64 = 1
    for _ in 0..<places { scale *= 10 }
    let scaled = Int64((abs(value) * Double(scale)).rounded())
    let fraction = String(scaled % scale)
    let zeros = String(repeating: "0", count: places - fraction.count)
    return "\(value < 0 && scaled > 0 ? "-" : "")\(scaled / scale).\(zeros)\(fraction)"
  }

  /// Nanoseconds as milliseconds with three places.
  package static func milliseconds(_ nanoseconds: UInt64) -> String { decimal(Double(nanoseconds) / 1e6, places: 3) }

  /// A whole number with a comma every three digits.
  package static func grouped(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e18 else { return "\(value)" }
    let digits = Array(String(Int64(value.rounded()).magnitude))
    var text = value.rounded() < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }
}

extension Duration {
  /// The duration in seconds.
  package var seconds: Double { Double(nanoseconds) / 1e9 }
}
