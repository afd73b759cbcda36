/// A name that is equal to another one only when all its bytes are.
///
/// `String` takes different spellings of a character, as `é` in one code point and in two, for the same; tables that
/// are keyed by bytes do not. Where a name stands in both kinds of table it is kept as this.
package struct ExactName: Hashable, Sendable, ExpressibleByStringLiteral {
  /// The name.
  package let text: String

  /// Wraps a name.
  package init(_ text: String) { self.text = text }

  /// Wraps a name.
  package init(stringLiteral text: String) { self.init(text) }

  /// Whether both have the same bytes.
  package static func == (first: ExactName, second: ExactName) -> Bool {
    first.text.utf8.elementsEqual(second.text.utf8)
  }

  /// Hashes the bytes.
  package func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
    hasher.combine(0xFF as UInt8)
  }
}
