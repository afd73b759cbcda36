import ApusBase
import ApusModel

/// What a consumer wants of a topic: everything, or the messages with one of some tags. The broker compares the 32-bit
/// hashes that stand in the consume queue; the client compares the tags themselves, so a colliding tag is delivered and
/// dropped there.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/filter/FilterAPI.java
package final class Subscription: Sendable {
  /// The expression as the client sent it; `*` when that was empty.
  package let expression: String
  /// The tags named, in order, each once; empty for everything.
  package let tags: [String]
  /// The hashes of the tags, ascending, each once; empty for everything.
  package let tagHashes: [Int32]
  /// Whether every message matches.
  package let isWildcard: Bool

  /// Takes everything.
  package static let all = Subscription(expression: "*", tags: [])

  private init(expression: String, tags: [String]) {
    self.expression = expression
    self.tags = tags
    self.tagHashes = Set(tags.map(JavaHash.hash)).sorted()
    self.isWildcard = expression == "*"
  }

  /// Reads a TAG expression: `*` or nothing for everything, else tags between `||`, trimmed, empty ones left out. An
  /// expression of blanks names no tag, so that nothing matches.
  ///
  /// Returns nil when the expression consists of `||` alone, which Java calls a split error.
  package convenience init?(tagExpression: String) {
    if tagExpression.isEmpty || tagExpression == "*" {
      self.init(expression: "*", tags: [])
      return
    }
    guard let tags = TagExpression.tags(tagExpression) else { return nil }
    self.init(expression: tagExpression, tags: tags)
  }

  /// Whether a message whose queue entry says `tagsCode` may be wanted. The entry holds 64 bits because delayed
  /// messages keep a time there; its low 32 are compared.
  package func matches(tagsCode: Int64) -> Bool {
    if isWildcard { return true }
    let wanted = Int32(truncatingIfNeeded: tagsCode)
    if tagHashes.count <= 8 {
      for hash in tagHashes where hash == wanted { return true }
      return false
    }
    var low = 0
    var high = tagHashes.count
    while low < high {
      let middle = (low + high) / 2
      if tagHashes[middle] < wanted { low = middle + 1 } else { high = middle }
    }
    return low < tagHashes.count && tagHashes[low] == wanted
  }
}
