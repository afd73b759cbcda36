/// The text of a properties file as its owner wrote it: comments, order, blank lines and keys that nobody knows stay
/// when keys are set.
///
/// What it sets reads back as ``PropertiesFile`` reads it. Setting costs one pass over the text.
public struct PropertiesText: Hashable, Sendable {
  /// The text.
  public private(set) var bytes: [UInt8]

  /// Takes a text. Throws for one that ``PropertiesFile`` does not read.
  public init(_ bytes: [UInt8]) throws(DecodeError) {
    _ = try PropertiesFile(parsing: bytes.rawSpan)
    self.bytes = bytes
  }

  /// Sets keys. The line of a key is replaced, the last one where there are several, as that one counts; a line that
  /// says the same already stays as it is, and keys without a line are added at the end. Throws when the text would
  /// become one that ``PropertiesFile`` does not read, and stays as it was then.
  public mutating func set(_ entries: [PropertiesFile.Entry]) throws(DecodeError) {
    let text = bytes
    var known: [String: (value: String, line: Range<Int>)] = [:]
    var scanner = PropertiesScanner(text.rawSpan)
    while let entry = try scanner.next() { known[entry.key] = (entry.value, entry.line) }
    var replaced: [(line: Range<Int>, entry: PropertiesFile.Entry)] = []
    var added: [PropertiesFile.Entry] = []
    // Where a key is set twice the later value counts.
    for entry in PropertiesFile(entries).entries {
      guard let old = known[entry.key] else {
        added.append(entry)
        continue
      }
      if old.value != entry.value { replaced.append((old.line, entry)) }
    }
    replaced.sort { $0.line.lowerBound < $1.line.lowerBound }
    var writer = ByteWriter(capacity: text.count + 64 * entries.count)
    var position = 0
    for (line, entry) in replaced {
      writer.write(text.rawSpan.extracting(position..<line.lowerBound))
      PropertiesFile.write(entry, into: &writer)
      position = line.upperBound
    }
    writer.write(text.rawSpan.extracting(position..<text.count))
    if !added.isEmpty { Self.endLine(of: &writer) }
    for entry in added {
      PropertiesFile.write(entry, into: &writer)
      writer.write("\n")
    }
    self = try PropertiesText(writer.array)
  }

  /// Ends the line that a text ends in. A backslash at its end would continue it with what follows.
  private static func endLine(of writer: inout ByteWriter) {
    let text = writer.array
    let isEnd = { (byte: UInt8) in byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }
    guard let last = text.last else { return }
    if text.last(where: { !isEnd($0) }) == UInt8(ascii: "\\") {
      writer.write("\n\n")
    } else if !isEnd(last) {
      writer.write("\n")
    }
  }
}
