import ApusBase

/// Where a text of a header stands: in the frame itself, or in the decoder's scratch memory when it had to be
/// unescaped.
@frozen
@usableFromInline
struct TextPlace: BitwiseCopyable, Sendable {
  /// The first byte; its complement when the text stands in the scratch memory.
  var start: Int32
  /// How many bytes.
  var count: Int32

  /// A text of the frame.
  @inline(__always)
  init(inFrame range: Range<Int>) {
    start = Int32(truncatingIfNeeded: range.lowerBound)
    count = Int32(truncatingIfNeeded: range.count)
  }

  /// A text of the scratch memory.
  init(inScratch range: Range<Int>) {
    start = ~Int32(truncatingIfNeeded: range.lowerBound)
    count = Int32(truncatingIfNeeded: range.count)
  }

  /// The text's bytes.
  @inline(__always)
  @_lifetime(copy frame, copy scratch)
  func bytes(frame: RawSpan, scratch: RawSpan) -> RawSpan {
    if start >= 0 { return frame.extracting(Int(start)..<Int(start) + Int(count)) }
    return scratch.extracting(Int(~start)..<Int(~start) + Int(count))
  }
}

/// One custom field of a header.
@frozen
@usableFromInline
struct FieldPlace: BitwiseCopyable, Sendable {
  var name: TextPlace
  var value: TextPlace
}

/// The custom fields of one header, in memory that is used again for the next: nothing is allocated once it has grown
/// to the largest header seen. Fields whose names are one small letter, as the hot send request has them, are found
/// directly.
@safe
struct FieldTable: ~Copyable {
  /// More custom fields than any client sends; a header with more is refused.
  static let limit = 1024

  private var places: UnsafeMutablePointer<FieldPlace>
  private var letterSlots: UnsafeMutablePointer<Int16>
  private var capacity: Int
  private(set) var count = 0
  /// Whether the header had custom fields at all, even if there were none in the list.
  var isPresent = false

  init() {
    capacity = 32
    unsafe places = .allocate(capacity: 32)
    unsafe letterSlots = .allocate(capacity: 26)
    unsafe letterSlots.initialize(repeating: -1, count: 26)
  }

  deinit {
    unsafe places.deallocate()
    unsafe letterSlots.deallocate()
  }

  var fields: Span<FieldPlace> {
    @_lifetime(borrow self)
    get {
      let span = unsafe Span(_unsafeStart: places, count: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// For `a`…`z` the index of the field of that name, -1 for none.
  var letters: Span<Int16> {
    @_lifetime(borrow self)
    get {
      let span = unsafe Span(_unsafeStart: letterSlots, count: 26)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  mutating func removeAll() {
    count = 0
    isPresent = false
    unsafe letterSlots.update(repeating: -1, count: 26)
  }

  /// Adds a field; `letter` is the name's only byte when it has just one. False when the table is full.
  @inline(__always)
  mutating func append(_ place: FieldPlace, letter: UInt8?) -> Bool {
    guard count < Self.limit else { return false }
    if count == capacity { grow() }
    unsafe (places + count).initialize(to: place)
    if let letter, letter >= UInt8(ascii: "a"), letter <= UInt8(ascii: "z") {
      unsafe letterSlots[Int(letter - UInt8(ascii: "a"))] = Int16(truncatingIfNeeded: count)
    }
    count += 1
    return true
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<FieldPlace>.allocate(capacity: capacity * 2)
    unsafe larger.initialize(from: places, count: count)
    unsafe places.deallocate()
    unsafe places = larger
    capacity *= 2
  }
}
