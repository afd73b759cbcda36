public import ApusBase

/// The number that a consume-queue unit carries for a message's tags, so that a pull can pass over messages without
/// reading them.
public enum TagsCode {
  /// Java's string hash of the tags, sign-extended to 64 bits; 0 for no tags
  /// (apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/MessageExtBrokerInner.java,
  /// `tagsString2tagsCode`).
  @inlinable
  public static func hash(_ tags: RawSpan) -> Int64 { Int64(JavaHash.hash(tags)) }

  /// As `hash` of bytes, for a text.
  public static func hash(_ tags: String) -> Int64 { Int64(JavaHash.hash(tags)) }

  /// The code of a message with these properties: that of their TAGS, 0 without.
  @inlinable
  public static func code(of properties: borrowing MessageProperties) -> Int64 {
    guard let tags = properties.value(of: PropertyName.tags) else { return 0 }
    return hash(tags)
  }
}
