/// What a consumer writes to get the messages with some tags: `a || b`.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/filter/FilterAPI.java
public enum TagExpression {
  /// The tags between `||`, each once, in their order, without the blanks around them; empty for blanks only. Nil for
  /// an expression of `||` alone, which Java calls a split error.
  public static func tags(_ expression: String) -> [String]? {
    guard let parts = parts(of: expression) else { return nil }
    var seen: Set<String> = []
    var tags: [String] = []
    for part in parts {
      guard let tag = trimmed(part), seen.insert(tag).inserted else { continue }
      tags.append(tag)
    }
    return tags
  }

  /// Java's `split("\\|\\|")`: empty parts at the end do not count. Nil when no part is left.
  private static func parts(of text: String) -> [Substring.UTF8View]? {
    let bytes = text.utf8
    var parts: [Substring.UTF8View] = []
    var start = bytes.startIndex
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let next = bytes.index(after: index)
      if bytes[index] == UInt8(ascii: "|"), next < bytes.endIndex, bytes[next] == UInt8(ascii: "|") {
        parts.append(bytes[start..<index])
        start = bytes.index(after: next)
        index = start
      } else {
        index = next
      }
    }
    parts.append(bytes[start...])
    while let last = parts.last, last.isEmpty { parts.removeLast() }
    return parts.isEmpty ? nil : parts
  }

  /// Java's `trim`: everything up to U+0020 is cut at both ends; nil when nothing is left.
  private static func trimmed(_ part: Substring.UTF8View) -> String? {
    guard let first = part.firstIndex(where: { $0 > 0x20 }), let last = part.lastIndex(where: { $0 > 0x20 }) else {
      return nil
    }
    return String(part[first...last])
  }
}
