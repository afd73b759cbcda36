package import ApusBase

/// One value of a table or record: what a column of text shows, and what it is in JSON.
package enum Cell: Hashable, Sendable, ExpressibleByStringLiteral {
  /// A text.
  case text(String)
  /// A whole number.
  case integer(Int64)
  /// A number shown with so many digits behind the point.
  case decimal(Double, digits: Int)
  /// A text shown for something that is more in JSON.
  case value(JSONValue, shown: String)

  /// A text.
  package init(stringLiteral text: String) { self = .text(text) }

  /// A whole number.
  init(_ number: some BinaryInteger) { self = .integer(Int64(clamping: number)) }

  /// A number without what is behind the point; 0 for what no whole number can be.
  init(wholePartOf number: Double) { self = .integer(Int64(exactly: number.rounded(.towardZero)) ?? 0) }

  /// What a column shows.
  var text: String {
    switch self {
    case .text(let text): text
    case .integer(let number): String(number)
    case .decimal(let number, let digits): Self.fixed(number, digits)
    case .value(_, let shown): shown
    }
  }

  /// The value in JSON.
  var json: JSONValue {
    switch self {
    case .text(let text): .string(text)
    case .integer(let number): .integer(number)
    case .decimal(let number, _): number.isFinite ? .number(number) : .null
    case .value(let json, _): json
    }
  }

  /// A number with so many digits, at most nine, behind the point, halves rounded away from zero as Java does.
  static func fixed(_ number: Double, _ digits: Int) -> String {
    guard number.isFinite else { return number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity" }
    precondition((0...9).contains(digits), "\(digits) digits behind the point")
    let scale = (0..<digits).reduce(1.0) { power, _ in power * 10 }
    let scaled = (abs(number) * scale).rounded(.toNearestOrAwayFromZero)
    guard scaled < 9e18 else { return "\(number)" }
    let (whole, part) = Int64(scaled).quotientAndRemainder(dividingBy: Int64(scale))
    let sign = number < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return sign + String(whole) }
    let fraction = String(part)
    return "\(sign)\(whole).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
  }
}
