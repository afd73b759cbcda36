import ApusBase

/// What a log line says beside its message: names with values, in the order they are printed.
package typealias LogFields = KeyValuePairs<String, any CustomStringConvertible & Sendable>

/// The text of one log line: `2026-11-21T01:02:03.456Z INFO broker: message key=value`.
enum LogLine {
  /// Builds a line with its line feed. Whatever a value holds, it stays one line.
  static func text(
    _ level: LogLevel, _ component: String, _ message: String, _ fields: LogFields, repeats: Int, at time: WallTime
  ) -> String {
    var line = "\(LocalTime.utc(time).iso)Z \(level.word) \(component): "
    appendClean(message, to: &line)
    for (name, value) in fields {
      line += " \(name)="
      appendValue(value.description, to: &line)
    }
    if repeats > 0 { line += " repeated=\(repeats)" }
    line += "\n"
    return line
  }

  /// A value stands bare when it is one plain word, else in quotes.
  private static func appendValue(_ value: String, to line: inout String) {
    let isPlain = value.unicodeScalars.allSatisfy {
      $0.value > 0x20 && $0 != "\"" && $0 != "=" && !(0x7F...0x9F).contains($0.value)
    }
    if isPlain && !value.isEmpty {
      line += value
    } else {
      line += "\""
      appendClean(value.replacingQuotes, to: &line)
      line += "\""
    }
  }

  /// Control characters, which could forge lines or move a terminal's cursor, become spaces.
  private static func appendClean(_ text: String, to line: inout String) {
    for scalar in text.unicodeScalars {
      line.unicodeScalars.append(scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? " " : scalar)
    }
  }
}

extension String {
  fileprivate var replacingQuotes: String {
    var result = ""
    for character in unicodeScalars {
      if character == "\"" || character == "\\" { result.unicodeScalars.append("\\") }
      result.unicodeScalars.append(character)
    }
    return result
  }
}
