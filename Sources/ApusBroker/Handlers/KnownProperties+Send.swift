import ApusBase
import ApusModel

/// What the properties of a send say, at the places where they were found; `properties` are those that were looked
/// through.
extension KnownProperties {
  /// The tags code of the message; 0 without tags.
  func tagsCode(in properties: RawSpan) -> Int64 { tags.map { TagsCode.hash(properties.extracting($0)) } ?? 0 }

  /// Whether the sender wants to wait for the device, as all do that do not say WAIT=false.
  func waits(in properties: RawSpan) -> Bool {
    wait.map { MessageProperties.isTrue(properties.extracting($0)) } ?? true
  }

  /// Whether the message asks for a delay level, be it for one that cannot be.
  func isDelayed(in properties: RawSpan) -> Bool {
    guard let delay else { return false }
    return Int64(properties.extracting(delay).text) ?? 1 > 0
  }
}
