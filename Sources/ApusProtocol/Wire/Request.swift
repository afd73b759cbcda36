import ApusBase

/// One command, read in place: valid while the frame and the decoder are left alone.
///
/// Accessors with a default of ``Refusal`` say which field is missing or wrong, so that a handler reads straight on.
@frozen
public struct Request: ~Escapable {
  /// What every command carries.
  public let header: CommandHeader
  /// The bytes after the header; empty for none.
  public let body: RawSpan
  @usableFromInline let frame: RawSpan
  @usableFromInline let scratch: RawSpan
  @usableFromInline let fields: Span<FieldPlace>
  @usableFromInline let letters: Span<Int16>
  @usableFromInline let remarkPlace: TextPlace?
  /// Whether the header has a list of custom fields, which may be empty.
  public let hasFields: Bool

  @_lifetime(copy frame, copy body, copy scratch, copy fields, copy letters)
  init(
    header: CommandHeader, remark: TextPlace?, hasFields: Bool, frame: RawSpan, body: RawSpan, scratch: RawSpan,
    fields: Span<FieldPlace>, letters: Span<Int16>
  ) {
    self.header = header
    self.remarkPlace = remark
    self.hasFields = hasFields
    self.frame = frame
    self.body = body
    self.scratch = scratch
    self.fields = fields
    self.letters = letters
  }

  /// What the request asks for.
  @inlinable public var code: RequestCode { RequestCode(header.code) }

  /// The sentence for people; nil for none.
  public var remark: RawSpan? {
    @_lifetime(copy self)
    get {
      guard let remarkPlace else { return nil }
      return remarkPlace.bytes(frame: frame, scratch: scratch)
    }
  }

  /// The value of a custom field; nil when it is absent. The last one counts when a name stands twice.
  @_lifetime(copy self)
  @inline(__always)
  public func field(_ name: StaticString) -> RawSpan? {
    // With a literal for a name only one of the branches is left in the code.
    if name.utf8CodeUnitCount == 1 {
      let letter = unsafe name.utf8Start.pointee
      if letter >= UInt8(ascii: "a"), letter <= UInt8(ascii: "z") { return field(letter: letter) }
    }
    return search(name)
  }

  @_lifetime(copy self)
  @inline(never)
  private func search(_ name: StaticString) -> RawSpan? {
    let length = name.utf8CodeUnitCount
    var index = fields.count - 1
    while index >= 0 {
      let place = fields[index]
      if Int(place.name.count) == length, place.name.bytes(frame: frame, scratch: scratch).equals(name) {
        return place.value.bytes(frame: frame, scratch: scratch)
      }
      index -= 1
    }
    return nil
  }

  /// The value of the field whose name is one small letter, without a search.
  @_lifetime(copy self)
  @inline(__always)
  public func field(letter: UInt8) -> RawSpan? {
    let slot = letter &- UInt8(ascii: "a")
    guard slot < 26 else { return nil }
    let index = letters[Int(slot)]
    guard index >= 0 else { return nil }
    return fields[Int(index)].value.bytes(frame: frame, scratch: scratch)
  }

  /// How many custom fields there are.
  public var fieldCount: Int { fields.count }

  /// The name of the custom field at a position, in the order sent.
  @_lifetime(copy self)
  public func fieldName(at index: Int) -> RawSpan { fields[index].name.bytes(frame: frame, scratch: scratch) }

  /// The value of the custom field at a position, in the order sent.
  @_lifetime(copy self)
  public func fieldValue(at index: Int) -> RawSpan { fields[index].value.bytes(frame: frame, scratch: scratch) }
}

// MARK: Typed fields

extension Request {
  /// The refusal of a request without a field that it needs.
  @usableFromInline
  static func missing(_ name: StaticString) -> Refusal { Refusal(.systemError, "the field \(name) is missing") }

  @usableFromInline
  static func unreadable(_ name: StaticString, _ value: RawSpan, _ kind: StaticString) -> Refusal {
    Refusal(.systemError, "the field \(name) is no \(kind): \(value.extracting(first: 64).text)")
  }

  /// A field that must be there.
  @_lifetime(copy self)
  @inline(__always)
  public func required(_ name: StaticString) throws(Refusal) -> RawSpan {
    guard let value = field(name) else { throw Self.missing(name) }
    return value
  }

  /// A number of 32 bits that must be there.
  @inline(__always)
  public func int32(_ name: StaticString) throws(Refusal) -> Int32 {
    guard let value = try int32(optional: name) else { throw Self.missing(name) }
    return value
  }

  /// A number of 64 bits that must be there.
  @inline(__always)
  public func int64(_ name: StaticString) throws(Refusal) -> Int64 {
    guard let value = try int64(optional: name) else { throw Self.missing(name) }
    return value
  }

  /// A number of 32 bits; nil when it is absent.
  @inline(__always)
  public func int32(optional name: StaticString) throws(Refusal) -> Int32? {
    guard let text = field(name) else { return nil }
    guard let value = text.decimal(Int32.self) else { throw Self.unreadable(name, text, "number of 32 bits") }
    return value
  }

  /// A number of 64 bits; nil when it is absent.
  @inline(__always)
  public func int64(optional name: StaticString) throws(Refusal) -> Int64? {
    guard let text = field(name) else { return nil }
    guard let value = text.decimal(Int64.self) else { throw Self.unreadable(name, text, "number of 64 bits") }
    return value
  }

  /// A truth value as Java reads it: true for `true` in any case, false for anything else; nil when it is absent.
  @inline(__always)
  public func bool(optional name: StaticString) -> Bool? {
    guard let text = field(name) else { return nil }
    return text.isTrue
  }

  /// A truth value that counts as false when it is absent.
  @inline(__always)
  public func bool(_ name: StaticString) -> Bool { bool(optional: name) ?? false }

  /// A text that must be there.
  public func text(_ name: StaticString) throws(Refusal) -> String { try required(name).text }

  /// A text; nil when it is absent.
  public func text(optional name: StaticString) -> String? {
    guard let value = field(name) else { return nil }
    return value.text
  }
}

extension RawSpan {
  /// At most the first `count` bytes.
  @_lifetime(copy self)
  func extracting(first count: Int) -> RawSpan { extracting(0..<Swift.min(count, byteCount)) }
}
