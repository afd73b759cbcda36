import ApusBase

/// Which answer belongs to which request: chosen by the asking side, echoed by the answering one. The wire calls it
/// `opaque`.
@frozen
public struct RequestID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  /// The number on the wire.
  public var rawValue: Int32

  /// Wraps a number from the wire.
  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

  /// Wraps a number from the wire.
  @inlinable public init(_ rawValue: Int32) { self.rawValue = rawValue }

  /// The number.
  public var description: String { "\(rawValue)" }
}

/// How a header is put into bytes. An answer has the type of its request.
@frozen
public enum HeaderType: UInt8, Hashable, Sendable {
  /// A JSON text.
  case json = 0
  /// Lengths and bytes; Java calls it ROCKETMQ.
  case binary = 1
}

/// In which language a client is written. A raw number with names, so that unknown ones survive.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:remoting/src/main/java/org/apache/rocketmq/remoting/protocol/LanguageCode.java
@frozen
public struct Language: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  /// The number on the wire.
  public var rawValue: UInt8

  /// Wraps a number from the wire.
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// 0 JAVA, what brokers say of themselves.
  @inlinable public static var java: Language { Language(rawValue: 0) }
  /// 1 CPP
  @inlinable public static var cpp: Language { Language(rawValue: 1) }
  /// 7 OTHER
  @inlinable public static var other: Language { Language(rawValue: 7) }
  /// 9 GO
  @inlinable public static var go: Language { Language(rawValue: 9) }

  static let names: [StaticString] = [
    "JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP", "OMS", "RUST",
  ]

  /// Java's name of the language; `OTHER` for a number it does not know.
  public var name: StaticString {
    Int(rawValue) < Self.names.count ? Self.names[Int(rawValue)] : Self.names[7]
  }

  /// Java's name of the language.
  public var description: String { "\(name)" }

  /// Reads Java's name; anything else is ``other``.
  init(name: borrowing RawSpan) {
    if name.equals("JAVA") {
      self = .java
      return
    }
    self = .other
    for (number, known) in Self.names.enumerated() where name.equals(known) {
      self = Language(rawValue: UInt8(number))
    }
  }

  /// Reads Java's name; anything else is ``other``.
  public init(name: String) {
    let bytes = Array(name.utf8)
    self.init(name: bytes.rawSpan)
  }
}

/// What every command carries besides its own fields.
@frozen
public struct CommandHeader: Hashable, Sendable {
  /// Bit 0 of `flag`: the command is an answer.
  public static let responseFlag: Int32 = 1
  /// Bit 1 of `flag`: no answer is wanted.
  public static let onewayFlag: Int32 = 2
  /// What this implementation says it is: V4_9_8. Clients switch their behaviour on it.
  public static let ownVersion: Int32 = 409

  /// A ``RequestCode`` in a request, a ``ResponseCode`` in an answer.
  public var code: Int32
  /// The sender's language.
  public var language: Language
  /// The sender's version, an ordinal of Java's version list: 409 is 4.9.8.
  public var version: Int32
  /// Which answer belongs to which request.
  public var id: RequestID
  /// Bit 0: answer; bit 1: no answer wanted; others are kept.
  public var flag: Int32
  /// How the header is put into bytes.
  public var type: HeaderType

  /// Puts a header together; from this implementation unless told.
  @inlinable
  public init(
    code: Int32, language: Language = .java, version: Int32 = CommandHeader.ownVersion, id: RequestID, flag: Int32 = 0,
    type: HeaderType = .json
  ) {
    self.code = code
    self.language = language
    self.version = version
    self.id = id
    self.flag = flag
    self.type = type
  }

  /// Whether the command is an answer.
  @inlinable public var isResponse: Bool { flag & Self.responseFlag != 0 }
  /// Whether no answer is wanted.
  @inlinable public var isOneway: Bool { flag & Self.onewayFlag != 0 }

  /// The header of the answer to this request.
  @inlinable
  public func answer(_ code: ResponseCode) -> CommandHeader {
    CommandHeader(code: code.rawValue, id: id, flag: Self.responseFlag, type: type)
  }
}
