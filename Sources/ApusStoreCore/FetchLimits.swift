/// How much a pull may bring, apart from the store's own limits.
package struct FetchLimits: Hashable, Sendable {
  /// How many messages the client asked for.
  package var maxMessages: Int
  /// How many bytes the caller has room for; the first message is given whatever its size.
  package var maxBytes: Int
  /// Whether the records are looked into before it is known which ones count: then all that may be scanned are brought,
  /// up to ``inspectedBytes``, and the limits are held when the choice is made.
  package var inspects: Bool

  /// How many bytes of records are brought to be looked into; the first record is brought whatever its size.
  package static var inspectedBytes: Int { 4 << 20 }

  /// Puts limits together.
  package init(maxMessages: Int, maxBytes: Int = .max, inspects: Bool = false) {
    self.maxMessages = maxMessages
    self.maxBytes = maxBytes
    self.inspects = inspects
  }

  /// How many entries are looked at: at least 800.
  package var scanLimit: Int { max(800, min(maxMessages, 1 << 20)) }
}
