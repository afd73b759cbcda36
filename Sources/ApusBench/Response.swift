import ApusBase

/// An answer, looked at just as far as a load generator needs to: its code, its number, a field or two, its body.
struct Response: ~Escapable {
  /// How the request ended; 0 is success.
  let code: Int32
  /// The number of the request that it answers.
  let number: Int32
  /// False for a request that the broker makes of its own accord.
  let isAnswer: Bool
  /// What follows the header.
  let body: RawSpan
  private let header: RawSpan
  private let isJSON: Bool

  /// The longest answer that is taken for one, in bytes.
  static let byteLimit = 64 << 20

  /// The length of the frame that `bytes` begin with, its length field included; nil when less than that field is
  /// there.
  static func frameLength(_ bytes: RawSpan) throws(BenchError) -> Int? {
    guard bytes.byteCount >= 4 else { return nil }
    let length = Int(bytes.loadBigEndian(at: 0, as: Int32.self))
    guard (4...byteLimit).contains(length) else { throw BenchError("the broker sent a frame of \(length) bytes") }
    return 4 + length
  }

  /// Reads a whole frame.
  @_lifetime(copy frame)
  init(frame: RawSpan) throws(BenchError) {
    guard frame.byteCount >= 8 else { throw BenchError("the broker sent a frame without a header") }
    let word = frame.loadBigEndian(at: 4, as: UInt32.self)
    let headerBytes = Int(word & 0xFF_FFFF)
    guard 8 + headerBytes <= frame.byteCount else { throw BenchError("the broker sent a header beyond its frame") }
    header = frame.extracting(8..<(8 + headerBytes))
    body = frame.extracting((8 + headerBytes)..<frame.byteCount)
    isJSON = word >> 24 == 0
    if isJSON {
      guard let code = Self.number(of: "\"code\":", in: header), let number = Self.number(of: "\"opaque\":", in: header)
      else { throw BenchError("the broker sent a header without code or opaque") }
      self.code = Int32(truncatingIfNeeded: code)
      self.number = Int32(truncatingIfNeeded: number)
      isAnswer = (Self.number(of: "\"flag\":", in: header) ?? 0) & 1 == 1
    } else {
      // i16 code, i8 language, i16 version, i32 opaque, i32 flag, …
      guard headerBytes >= 13 else { throw BenchError("the broker sent a binary header of \(headerBytes) bytes") }
      code = Int32(header.loadBigEndian(at: 0, as: Int16.self))
      number = header.loadBigEndian(at: 5, as: Int32.self)
      isAnswer = header.loadBigEndian(at: 9, as: Int32.self) & 1 == 1
    }
  }

  /// The number in a custom field of a JSON header, written as a number or as a text.
  func field(_ quotedName: StaticString) -> Int64? { isJSON ? Self.number(of: quotedName, in: header) : nil }

  /// The text in a custom field of a JSON header, which needs no escapes.
  @_lifetime(copy self)
  func text(_ quotedName: StaticString) -> RawSpan? {
    guard isJSON, let start = Self.end(of: quotedName, in: header), start < header.byteCount,
      header.byte(at: start) == UInt8(ascii: "\"")
    else { return nil }
    var end = start + 1
    while end < header.byteCount, header.byte(at: end) != UInt8(ascii: "\"") { end += 1 }
    return end < header.byteCount ? header.extracting((start + 1)..<end) : nil
  }

  /// Where the message was stored, which its offset id ends with: 16 hexadecimal digits.
  static func offset(ofMessage id: RawSpan) -> Int64? {
    guard id.byteCount >= 16 else { return nil }
    var offset: UInt64 = 0
    for position in (id.byteCount - 16)..<id.byteCount {
      guard let digit = Character(UnicodeScalar(id.byte(at: position))).hexDigitValue else { return nil }
      offset = offset << 4 | UInt64(digit)
    }
    return Int64(exactly: offset)
  }

  /// The broker's sentence about a failure.
  var remark: String {
    guard isJSON else { return "" }
    do throws(DecodeError) {
      return try JSONParser.parse(header)["remark"]?.text ?? ""
    } catch {
      return "the header is not JSON: \(error.reason)"
    }
  }

  /// The number that follows a key, which is given with its quotation marks and colon.
  private static func number(of key: StaticString, in text: RawSpan) -> Int64? {
    end(of: key, in: text).flatMap { number(in: text, at: $0) }
  }

  /// Where a key ends, which is given with its quotation marks and colon.
  private static func end(of key: StaticString, in text: RawSpan) -> Int? {
    let length = key.utf8CodeUnitCount
    let start = unsafe key.utf8Start
    var position = 0
    search: while position + length < text.byteCount {
      for index in 0..<length where unsafe text.byte(at: position + index) != start[index] {
        position += 1
        continue search
      }
      return position + length
    }
    return nil
  }

  private static func number(in text: RawSpan, at start: Int) -> Int64? {
    var position = start
    while position < text.byteCount, [UInt8(ascii: " "), UInt8(ascii: "\"")].contains(text.byte(at: position)) {
      position += 1
    }
    var isNegative = false
    if position < text.byteCount, text.byte(at: position) == UInt8(ascii: "-") {
      isNegative = true
      position += 1
    }
    var value: Int64 = 0
    var digits = 0
    while position < text.byteCount, case let digit = text.byte(at: position) &- UInt8(ascii: "0"), digit < 10 {
      value = value &* 10 &+ Int64(digit)
      digits += 1
      position += 1
    }
    return digits == 0 ? nil : isNegative ? -value : value
  }
}
