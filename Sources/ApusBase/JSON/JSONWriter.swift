/// How a ``JSONValue`` is put into text.
public enum JSONStyle: Hashable, Sendable {
  /// As fastjson writes by default: integer keys without quotes, object keys as nested objects. What Java brokers put
  /// into bodies.
  case fastjson
  /// Every key quoted (an object key as a text that holds its JSON), everything beyond ASCII and `/` escaped:
  /// fastjson's browser-compatible form, which any JSON parser reads.
  case standard
  /// `fastjson` with line breaks and tabs, as Java writes configuration files: a member with a text key starts a line,
  /// one with an integer key does not.
  case pretty
}

/// Writes JSON texts byte for byte as fastjson 1.2 would.
///
/// Source: alibaba/fastjson: serializer/MapSerializer.java, serializer/SerializeWriter.java
public enum JSONWriter {
  /// Appends `value` to `output`.
  public static func write(_ value: JSONValue, _ style: JSONStyle = .fastjson, into output: inout ByteWriter) {
    write(value, style, indent: 0, &output)
  }

  /// Appends a quoted text, escaped as fastjson does by default.
  public static func write(string text: String, into output: inout ByteWriter) { quote(text, .fastjson, &output) }

  private static func write(_ value: JSONValue, _ style: JSONStyle, indent: Int, _ output: inout ByteWriter) {
    switch value {
    case .null: output.write("null")
    case .bool(let flag): output.write(flag ? "true" : "false")
    case .integer(let number): output.write(decimal: number)
    case .number(let number): output.write(utf8: javaText(number))
    case .string(let text): quote(text, style, &output)
    case .array(let elements): write(elements, style, indent: indent, &output)
    case .object(let members): write(members, style, indent: indent, &output)
    }
  }

  private static func write(
    _ elements: [JSONValue], _ style: JSONStyle, indent: Int, _ output: inout ByteWriter
  ) {
    // Java's arrays of numbers stay on one line; only lists of objects are broken up.
    let breaksLines =
      style == .pretty
      && elements.contains {
        switch $0 {
        case .integer, .number: false
        default: true
        }
      }
    output.write("[")
    for (index, element) in elements.enumerated() {
      if index > 0 { output.write(",") }
      if breaksLines { lineBreak(indent + 1, &output) }
      write(element, style, indent: indent + 1, &output)
    }
    if breaksLines { lineBreak(indent, &output) }
    output.write("]")
  }

  private static func write(
    _ members: [JSONMember], _ style: JSONStyle, indent: Int, _ output: inout ByteWriter
  ) {
    output.write("{")
    for (index, member) in members.enumerated() {
      if index > 0 { output.write(",") }
      write(key: member.key, style, indent: indent + 1, &output)
      output.write(":")
      write(member.value, style, indent: indent + 1, &output)
    }
    if style == .pretty, !members.isEmpty { lineBreak(indent, &output) }
    output.write("}")
  }

  private static func write(key: JSONValue, _ style: JSONStyle, indent: Int, _ output: inout ByteWriter) {
    if case .string(let name) = key {
      if style == .pretty { lineBreak(indent, &output) }
      quote(name, style, &output)
    } else if style == .standard {
      var text = ByteWriter(capacity: 64)
      write(key, .fastjson, into: &text)
      quote(text.bytes.text, style, &output)
    } else {
      write(key, style, indent: indent, &output)
    }
  }

  private static func lineBreak(_ indent: Int, _ output: inout ByteWriter) {
    output.write(UInt8(ascii: "\n"))
    output.write(repeating: UInt8(ascii: "\t"), count: indent)
  }

  private static func quote(_ text: String, _ style: JSONStyle, _ output: inout ByteWriter) {
    output.write(UInt8(ascii: "\""))
    if style == .standard {
      writeStandard(text, &output)
    } else {
      output.write(jsonEscaped: text)
    }
    output.write(UInt8(ascii: "\""))
  }

  private static func writeStandard(_ text: String, _ output: inout ByteWriter) {
    for unit in text.utf16 {
      switch unit {
      case 0x2F: output.write("\\/")
      case 0x22, 0x5C, 0..<0x20, 0x7F...: output.writeEscape(unit)
      default: output.write(UInt8(truncatingIfNeeded: unit))
      }
    }
  }

  /// A number as Java's `Double.toString` prints it: `0.05`, `1.0`, `1.0E7`; `null` for what JSON cannot hold.
  static func javaText(_ number: Double) -> String {
    guard number.isFinite else { return "null" }
    if number == 0 { return number.sign == .minus ? "-0.0" : "0.0" }
    let magnitude = number.magnitude
    var (digits, exponent) = shortestDigits(magnitude)
    let sign = number < 0 ? "-" : ""
    if magnitude >= 1e-3, magnitude < 1e7 {
      if exponent <= 0 { return sign + "0." + String(repeating: "0", count: -exponent) + digits }
      if digits.count <= exponent { digits += String(repeating: "0", count: exponent - digits.count + 1) }
      return sign + digits.prefix(exponent) + "." + digits.dropFirst(exponent)
    }
    let fraction = digits.dropFirst().isEmpty ? "0" : digits.dropFirst()
    return "\(sign)\(digits.prefix(1)).\(fraction)E\(exponent - 1)"
  }

  /// The shortest digits that identify a positive number, without zeroes at either end, and the power of ten that
  /// `0.digits` must be multiplied by.
  private static func shortestDigits(_ number: Double) -> (digits: String, exponent: Int) {
    let parts = number.description.split(separator: "e")
    let mantissa = parts[0].split(separator: ".")
    let fraction = mantissa.count > 1 ? mantissa[1] : ""
    var exponent = mantissa[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    let all = mantissa[0] + fraction
    let leading = all.prefix { $0 == "0" }.count
    exponent -= leading
    var digits = all.dropFirst(leading)
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    return (String(digits), exponent)
  }
}

extension JSONValue {
  /// The value as text.
  public func bytes(_ style: JSONStyle = .fastjson) -> [UInt8] {
    var writer = ByteWriter(capacity: 1024)
    JSONWriter.write(self, style, into: &writer)
    return writer.array
  }

  /// The value as text.
  public func text(_ style: JSONStyle = .fastjson) -> String { String(decoding: bytes(style), as: UTF8.self) }
}
