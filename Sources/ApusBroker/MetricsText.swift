import ApusBase

/// Writes Prometheus' text format, version 0.0.4: HELP and TYPE once per metric, then its series.
package struct MetricsText: ~Copyable {
  /// How a metric's values behave.
  package enum Kind: String, Sendable {
    /// Only grows, apart from restarts.
    case counter
    /// Goes up and down.
    case gauge
  }

  /// A label and its value.
  package typealias Label = (name: String, value: String)

  /// The value of `Content-Type`.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private var output = ByteWriter(capacity: 16 << 10)
  /// The labels of every series, as they are written.
  private let common: [UInt8]
  private var name = ""

  /// Every series gets the labels `common`.
  package init(common: [Label]) {
    var writer = ByteWriter()
    Self.write(common, to: &writer)
    self.common = writer.array
  }

  /// What has been written.
  package var bytes: [UInt8] { output.array }

  /// Begins a metric. `help` is one line.
  package mutating func metric(_ name: String, _ kind: Kind, _ help: String) {
    self.name = name
    output.write("# HELP ")
    output.write(utf8: name)
    output.write(" ")
    output.write(utf8: help)
    output.write("\n# TYPE ")
    output.write(utf8: name)
    output.write(" ")
    output.write(utf8: kind.rawValue)
    output.write("\n")
  }

  /// A series of the metric begun last.
  package mutating func series(_ value: Int64, _ labels: [Label] = []) {
    begin(labels)
    output.write(decimal: value)
    output.write("\n")
  }

  /// A series of the metric begun last; `billionths` of the metric's unit.
  package mutating func series(billionths: Int64, _ labels: [Label] = []) {
    begin(labels)
    let (whole, rest) = max(billionths, 0).quotientAndRemainder(dividingBy: 1_000_000_000)
    output.write(decimal: whole)
    let digits = String(rest)
    output.write(".")
    output.write(repeating: UInt8(ascii: "0"), count: 9 - digits.utf8.count)
    output.write(utf8: digits)
    output.write("\n")
  }

  /// A metric with one series.
  package mutating func single(_ name: String, _ kind: Kind, _ value: Int64, _ help: String) {
    metric(name, kind, help)
    series(value)
  }

  private mutating func begin(_ labels: [Label]) {
    output.write(utf8: name)
    output.write("{")
    output.write(common)
    if !common.isEmpty, !labels.isEmpty { output.write(",") }
    Self.write(labels, to: &output)
    output.write("} ")
  }

  private static func write(_ labels: [Label], to output: inout ByteWriter) {
    for (position, label) in labels.enumerated() {
      if position > 0 { output.write(",") }
      output.write(utf8: label.name)
      output.write("=\"")
      for byte in label.value.utf8 {
        switch byte {
        case UInt8(ascii: "\\"): output.write("\\\\")
        case UInt8(ascii: "\""): output.write("\\\"")
        case UInt8(ascii: "\n"): output.write("\\n")
        default: output.write(byte)
        }
      }
      output.write("\"")
    }
  }
}
