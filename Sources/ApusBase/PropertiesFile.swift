/// Java's properties text: the form of RocketMQ's `.conf` files and of the bodies of its configuration requests.
///
/// `key=value`, `key:value` or `key value` a line; lines that start with `#` or `!` are comments; a backslash at the
/// end continues a line; `\t \n \r \f \uXXXX` are escapes and a backslash before anything else is dropped. Where a
/// key stands twice the later value counts. The order of the keys is kept.
///
/// Deviations from `java.util.Properties`: bytes are UTF-8, which Java reads as ISO-8859-1; ASCII is the same in both.
/// A byte order mark at the beginning is passed over; for Java it belongs to the first key.
public struct PropertiesFile: Hashable, Sendable {
  /// One key with its value.
  public struct Entry: Hashable, Sendable {
    /// The key, unescaped.
    public var key: String
    /// The value, unescaped; empty when the line holds a key alone.
    public var value: String

    /// Pairs a key with a value.
    public init(_ key: String, _ value: String) {
      self.key = key
      self.value = value
    }
  }

  /// The longest text that is read, in bytes.
  public static let byteLimit = 1 << 20
  /// The most entries that are read.
  public static let entryLimit = 10_000

  /// Every key once, in the order in which the keys first stood.
  public private(set) var entries: [Entry] = []
  private var positions: [String: Int] = [:]

  /// Makes a file without entries.
  public init() {}

  /// Makes a file of entries; where a key stands twice the later value counts.
  public init(_ entries: [Entry]) {
    for entry in entries { self[entry.key] = entry.value }
  }

  /// Reads a text. Throws for a text over ``byteLimit`` or ``entryLimit``, for bytes that are not UTF-8 and for a
  /// malformed `\u`; the reason names the line, counted from 1.
  public init(parsing bytes: RawSpan) throws(DecodeError) {
    guard bytes.byteCount <= Self.byteLimit else {
      throw DecodeError(field: "properties", offset: Self.byteLimit, reason: "longer than \(Self.byteLimit) bytes")
    }
    var scanner = PropertiesScanner(bytes)
    while let entry = try scanner.next() {
      self[entry.key] = entry.value
      if entries.count > Self.entryLimit { throw scanner.error("more than \(Self.entryLimit) entries") }
    }
  }

  /// The value of a key; setting nil removes the key.
  public subscript(key: String) -> String? {
    get { positions[key].map { entries[$0].value } }
    set {
      switch (positions[key], newValue) {
      case (let position?, let value?):
        entries[position].value = value
      case (nil, let value?):
        positions[key] = entries.count
        entries.append(Entry(key, value))
      case (let position?, nil):
        entries.remove(at: position)
        positions[key] = nil
        for index in position..<entries.count { positions[entries[index].key] = index }
      case (nil, nil):
        break
      }
    }
  }

  /// Appends the text: one `key=value` line an entry, escaped only where reading it back needs that.
  public func write(into writer: inout ByteWriter) {
    for entry in entries {
      Self.write(entry, into: &writer)
      writer.write("\n")
    }
  }

  /// Appends the line of an entry without its end.
  static func write(_ entry: Entry, into writer: inout ByteWriter) {
    var key = entry.key
    if key.unicodeScalars.first == "\u{FEFF}" {
      // At the beginning of a text it would be passed over.
      writer.write("\\uFEFF")
      key.unicodeScalars.removeFirst()
    }
    write(escaping: key, isKey: true, into: &writer)
    writer.write("=")
    write(escaping: entry.value, isKey: false, into: &writer)
  }

  /// The text, as `write(into:)` makes it.
  public var text: [UInt8] {
    var writer = ByteWriter(capacity: entries.count * 40)
    write(into: &writer)
    return writer.array
  }

  private static func write(escaping text: String, isKey: Bool, into writer: inout ByteWriter) {
    var isFirst = true
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): writer.write("\\\\")
      case UInt8(ascii: "\n"): writer.write("\\n")
      case UInt8(ascii: "\r"): writer.write("\\r")
      case UInt8(ascii: "\t"): writer.write("\\t")
      case 0x0C: writer.write("\\f")
      case UInt8(ascii: " ") where isKey || isFirst: writer.write("\\ ")
      case UInt8(ascii: "="), UInt8(ascii: ":"):
        if isKey || isFirst { writer.write("\\") }
        writer.write(byte)
      case UInt8(ascii: "#"), UInt8(ascii: "!"):
        if isKey && isFirst { writer.write("\\") }
        writer.write(byte)
      default: writer.write(byte)
      }
      isFirst = false
    }
  }

  /// Whether both hold the same entries in the same order.
  public static func == (left: PropertiesFile, right: PropertiesFile) -> Bool { left.entries == right.entries }

  /// Hashes the entries.
  public func hash(into hasher: inout Hasher) { hasher.combine(entries) }
}

/// Walks over properties text, one logical line at a time.
struct PropertiesScanner: ~Escapable {
  /// A logical line that is no comment.
  struct Entry {
    /// The key, unescaped.
    var key: String
    /// The value, unescaped.
    var value: String
    /// Where the line is, without blanks before it and without its end.
    var line: Range<Int>
  }

  private let bytes: RawSpan
  private var position = 0
  private var line = 1

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan) {
    self.bytes = bytes
    // Editors put a byte order mark there, and the first key would not be known.
    if bytes.byteCount >= 3, bytes.byte(at: 0) == 0xEF, bytes.byte(at: 1) == 0xBB, bytes.byte(at: 2) == 0xBF {
      position = 3
    }
  }

  /// An error at the current position that names the line.
  func error(_ reason: String) -> DecodeError {
    DecodeError(field: "properties", offset: position, reason: "line \(line): \(reason)")
  }

  /// The next entry, past comments and blank lines; nil at the end.
  @_lifetime(self: copy self)
  mutating func next() throws(DecodeError) -> Entry? {
    while position < bytes.byteCount {
      skipBlanks()
      guard position < bytes.byteCount else { return nil }
      switch bytes.byte(at: position) {
      case UInt8(ascii: "#"), UInt8(ascii: "!"): skipComment()
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"): skipLineEnd()
      default: return try entry()
      }
    }
    return nil
  }

  @_lifetime(self: copy self)
  private mutating func entry() throws(DecodeError) -> Entry {
    let start = position
    let key = try text(endsAtSeparator: true)
    var separators = 0
    while let byte = peekInLine(), Self.isSeparator(byte) {
      if !Self.isBlank(byte) {
        separators += 1
        if separators == 2 { break }
      }
      position += 1
    }
    let value = try text(endsAtSeparator: false)
    return Entry(key: key, value: value, line: start..<position)
  }

  /// Reads and unescapes up to the end of the logical line or, in a key, up to the first separator that is not escaped.
  @_lifetime(self: copy self)
  private mutating func text(endsAtSeparator: Bool) throws(DecodeError) -> String {
    var text: [UInt8] = []
    var units: [UInt16] = []
    while let byte = peekInLine(), !(endsAtSeparator && Self.isSeparator(byte)) {
      position += 1
      guard byte == UInt8(ascii: "\\") else {
        Self.flush(&units, into: &text)
        text.append(byte)
        continue
      }
      // A backslash that ends the whole text stands for nothing, as in Java.
      guard position < bytes.byteCount else { break }
      let escaped = bytes.byte(at: position)
      position += 1
      if escaped == UInt8(ascii: "u") {
        units.append(try unicodeEscape())
        continue
      }
      Self.flush(&units, into: &text)
      switch escaped {
      case UInt8(ascii: "t"): text.append(UInt8(ascii: "\t"))
      case UInt8(ascii: "n"): text.append(UInt8(ascii: "\n"))
      case UInt8(ascii: "r"): text.append(UInt8(ascii: "\r"))
      case UInt8(ascii: "f"): text.append(0x0C)
      default: text.append(escaped)
      }
    }
    Self.flush(&units, into: &text)
    guard let result = String(validating: text, as: UTF8.self) else { throw error("not UTF-8") }
    return result
  }

  /// The next byte of the logical line, past continuations; nil at its end. A line end stays where it is.
  @_lifetime(self: copy self)
  private mutating func peekInLine() -> UInt8? {
    while position < bytes.byteCount {
      let byte = bytes.byte(at: position)
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { return nil }
      let continues =
        byte == UInt8(ascii: "\\") && position + 1 < bytes.byteCount
        && (bytes.byte(at: position + 1) == UInt8(ascii: "\n") || bytes.byte(at: position + 1) == UInt8(ascii: "\r"))
      guard continues else { return byte }
      position += 1
      skipLineEnd()
      skipBlanks()
    }
    return nil
  }

  @_lifetime(self: copy self)
  private mutating func unicodeEscape() throws(DecodeError) -> UInt16 {
    guard bytes.byteCount - position >= 4 else { throw error("\\u needs four hexadecimal digits") }
    var unit: UInt16 = 0
    for index in position..<position + 4 {
      let byte = bytes.byte(at: index)
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw error("\\u needs four hexadecimal digits")
      }
      unit = unit << 4 | UInt16(digit)
    }
    position += 4
    return unit
  }

  /// Escapes are UTF-16: two in a row may be one character. A half alone becomes U+FFFD.
  private static func flush(_ units: inout [UInt16], into text: inout [UInt8]) {
    guard !units.isEmpty else { return }
    text.append(contentsOf: String(decoding: units, as: UTF16.self).utf8)
    units.removeAll(keepingCapacity: true)
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == 0x0C
  }

  private static func isSeparator(_ byte: UInt8) -> Bool {
    isBlank(byte) || byte == UInt8(ascii: "=") || byte == UInt8(ascii: ":")
  }

  @_lifetime(self: copy self)
  private mutating func skipBlanks() {
    while position < bytes.byteCount, Self.isBlank(bytes.byte(at: position)) { position += 1 }
  }

  @_lifetime(self: copy self)
  private mutating func skipComment() {
    while position < bytes.byteCount {
      let byte = bytes.byte(at: position)
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { return }
      position += 1
    }
  }

  /// Passes over `\n`, `\r` or `\r\n`.
  @_lifetime(self: copy self)
  private mutating func skipLineEnd() {
    let isReturn = bytes.byte(at: position) == UInt8(ascii: "\r")
    position += 1
    if isReturn, position < bytes.byteCount, bytes.byte(at: position) == UInt8(ascii: "\n") { position += 1 }
    line += 1
  }
}
