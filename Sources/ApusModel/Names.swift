public import ApusBase

/// Why a topic's or group's name is refused.
public enum NameFault: Error, Hashable, Sendable {
  /// It is empty or nothing but spaces.
  case blank
  /// It has a character other than `%|a-zA-Z0-9_-`.
  case illegalCharacter
  /// It is longer than allowed.
  case tooLong
}

/// The rules for names of topics.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/topic/TopicValidator.java
public enum TopicName {
  /// The longest name in characters; the log stores the length in one signed byte.
  public static let maxLength = 127

  /// Throws when the name may not be used.
  @inlinable
  public static func validate(_ name: RawSpan) throws(NameFault) { try Names.validate(name, maxLength: maxLength) }

  /// Throws when the name may not be used.
  public static func validate(_ name: String) throws(NameFault) { try Names.validate(name, maxLength: maxLength) }

  /// What Java's broker says about a name that it refuses.
  public static func remark(_ fault: NameFault) -> String {
    switch fault {
    case .blank: "The specified topic is blank."
    case .illegalCharacter: "The specified topic contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
    case .tooLong: "The specified topic is longer than topic max length."
    }
  }
}

/// The rules for names of producer and consumer groups.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:client/src/main/java/org/apache/rocketmq/client/Validators.java
public enum GroupName {
  /// The longest name in characters.
  public static let maxLength = 255

  /// Throws when the name may not be used.
  @inlinable
  public static func validate(_ name: RawSpan) throws(NameFault) { try Names.validate(name, maxLength: maxLength) }

  /// Throws when the name may not be used.
  public static func validate(_ name: String) throws(NameFault) { try Names.validate(name, maxLength: maxLength) }

  /// What Java's client says about a name that it refuses.
  public static func remark(_ fault: NameFault) -> String {
    switch fault {
    case .blank: "the specified group is blank"
    case .illegalCharacter: "the specified group contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
    case .tooLong: "the specified group is longer than group max length 255."
    }
  }
}

/// What both kinds of names have in common. Java looks at the characters before it looks at the length.
@usableFromInline
enum Names {
  @inlinable
  static func validate(_ name: RawSpan, maxLength: Int) throws(NameFault) {
    var isBlank = true
    var isLegal = true
    for index in 0..<name.byteCount {
      let byte = name.byte(at: index)
      if byte > UInt8(ascii: " ") { isBlank = false }
      if !isAllowed(byte) { isLegal = false }
    }
    if isBlank { throw .blank }
    if !isLegal { throw .illegalCharacter }
    if name.byteCount > maxLength { throw .tooLong }
  }

  static func validate(_ name: String, maxLength: Int) throws(NameFault) {
    let bytes = Array(name.utf8)
    try validate(bytes.rawSpan, maxLength: maxLength)
  }

  @inlinable
  static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "%"), UInt8(ascii: "|"):
      true
    default: false
    }
  }
}
