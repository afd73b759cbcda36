/// Writes a document in the block style of Java's SnakeYAML: lists stand under their key without indentation, texts
/// without quotes where they mean the same.
enum YAMLWriter {
  /// The text of a document whose root is a mapping.
  static func text(_ root: [YAMLEntry]) -> [UInt8] {
    guard !root.isEmpty else { return Array("{}\n".utf8) }
    var text = ""
    write(root, indent: 0, into: &text)
    return Array(text.utf8)
  }

  /// `key: value` lines. The first one's indentation is there already when the mapping is an element of a list.
  private static func write(_ entries: [YAMLEntry], indent: Int, isElement: Bool = false, into text: inout String) {
    for (index, entry) in entries.enumerated() {
      if index > 0 || !isElement { text += String(repeating: " ", count: indent) }
      text += scalar(entry.key, isPlain: false) + ":"
      switch entry.value.content {
      case .scalar(let value, let isPlain): text += " " + scalar(value, isPlain: isPlain) + "\n"
      case .sequence([]): text += " []\n"
      case .mapping([]): text += " {}\n"
      case .sequence(let elements):
        text += "\n"
        write(elements, indent: indent, into: &text)
      case .mapping(let inner):
        text += "\n"
        write(inner, indent: indent + 2, into: &text)
      }
    }
  }

  private static func write(_ elements: [YAMLNode], indent: Int, isElement: Bool = false, into text: inout String) {
    for (index, element) in elements.enumerated() {
      if index > 0 || !isElement { text += String(repeating: " ", count: indent) }
      text += "- "
      switch element.content {
      case .scalar(let value, let isPlain): text += scalar(value, isPlain: isPlain) + "\n"
      case .sequence([]): text += "[]\n"
      case .mapping([]): text += "{}\n"
      case .sequence(let inner): write(inner, indent: indent + 2, isElement: true, into: &text)
      case .mapping(let entries): write(entries, indent: indent + 2, isElement: true, into: &text)
      }
    }
  }

  /// A text as it can stand behind a colon or dash.
  static func scalar(_ text: String, isPlain: Bool) -> String {
    if isPlain, staysPlain(text) { return text.isEmpty ? "null" : text }
    if needsNoQuotes(text) { return text }
    if text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F && $0.value < 0x80 || $0.value >= 0xA1 }),
      !text.unicodeScalars.contains(where: { $0.value == 0x2028 || $0.value == 0x2029 || $0.value == 0xFEFF })
    {
      // By scalars: a mark that combines with a quote makes one character of both.
      return "'" + text.unicodeScalars.map { $0 == "'" ? "''" : String($0) }.joined() + "'"
    }
    return "\"" + text.unicodeScalars.map(escaped).joined() + "\""
  }

  private static let lineEnds: [Unicode.Scalar] = ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"]

  /// Whether a text that stood without quotes can do so in block style.
  private static func staysPlain(_ text: String) -> Bool {
    // Lines that an empty one parts come with the line's end, which only quotes keep.
    guard !text.unicodeScalars.contains(where: { lineEnds.contains($0) }) else { return false }
    // `[-]` has a text, but `- -` is a list within a list.
    return !["-", "?", ":"].contains(text)
  }

  /// Whether a text without quotes is read as that text: names, addresses, permissions. When in doubt, no.
  private static func needsNoQuotes(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, bytes.count <= 200 else { return false }
    let isLetter: (UInt8) -> Bool = { $0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z") }
    let isDigit: (UInt8) -> Bool = { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    guard bytes.allSatisfy({ isLetter($0) || isDigit($0) || "_.|=*/-".utf8.contains($0) }) else { return false }
    if isLetter(first) {
      return !["true", "false", "yes", "no", "on", "off", "y", "n", "null"].contains(text.lowercased())
    }
    // An address: with three dots it is no number.
    return isDigit(first) && bytes.count { $0 == UInt8(ascii: ".") } == 3
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\"": return "\\\""
    case "\\": return "\\\\"
    case "\n": return "\\n"
    case "\t": return "\\t"
    case "\r": return "\\r"
    default: break
    }
    let value = scalar.value
    if value >= 0x20, value < 0x7F || value >= 0xA1, value != 0x2028, value != 0x2029, value != 0xFEFF {
      return String(scalar)
    }
    let digits = String(value, radix: 16)
    let width = value <= 0xFF ? 2 : value <= 0xFFFF ? 4 : 8
    let letter = width == 2 ? "x" : width == 4 ? "u" : "U"
    return "\\\(letter)" + String(repeating: "0", count: width - digits.count) + digits
  }
}
