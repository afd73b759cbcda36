/// What an expression is made of.
package enum SQLToken: Hashable {
  case end
  case not, and, or, between, `in`, `is`, yes, no, null
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
  case open, close, comma, plus, minus
  /// Digits without a leading zero.
  case decimal(Range<Int>)
  /// Digits with a point or an exponent.
  case float(Range<Int>)
  /// A text between quotes, which are not part of the range; a quote inside is doubled.
  case text(Range<Int>)
  case name(Range<Int>)
}

/// Cuts an expression into tokens, one at a time, as far as it is asked: what lies behind the last token that the
/// grammar takes is never looked at.
package struct SQLLexer {
  /// The expression.
  package let bytes: [UInt8]
  private var position = 0
  /// Where the last token began.
  private(set) var start = 0

  /// Starts at the first byte.
  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  private func byte(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

  /// The next token. Throws at a byte that begins none.
  package mutating func next() throws(SQLFault) -> SQLToken {
    skipBlanks()
    start = position
    guard position < bytes.count else { return .end }
    let first = bytes[position]
    switch first {
    case UInt8(ascii: "="): return take(1, .equal)
    case UInt8(ascii: "("): return take(1, .open)
    case UInt8(ascii: ")"): return take(1, .close)
    case UInt8(ascii: ","): return take(1, .comma)
    case UInt8(ascii: "+"): return take(1, .plus)
    case UInt8(ascii: "-"): return take(1, .minus)
    case UInt8(ascii: "<"):
      switch byte(position + 1) {
      case UInt8(ascii: ">"): return take(2, .notEqual)
      case UInt8(ascii: "="): return take(2, .lessOrEqual)
      default: return take(1, .less)
      }
    case UInt8(ascii: ">"):
      return byte(position + 1) == UInt8(ascii: "=") ? take(2, .greaterOrEqual) : take(1, .greater)
    case UInt8(ascii: "'"): return try text()
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."): return try number()
    default:
      guard Self.beginsName(first) else { throw SQLFault(.noToken, at: position) }
      return word()
    }
  }

  private mutating func take(_ count: Int, _ token: SQLToken) -> SQLToken {
    position += count
    return token
  }

  /// Passes over blanks, `/* … */`, and `-- …` that a line's end closes: without one it is two minus signs.
  private mutating func skipBlanks() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0C, 0x0D: position += 1
      case UInt8(ascii: "-") where byte(position + 1) == UInt8(ascii: "-"):
        guard let end = lineEnd(after: position + 2) else { return }
        position = end
      case UInt8(ascii: "/") where byte(position + 1) == UInt8(ascii: "*"):
        guard let end = commentEnd(after: position + 2) else { return }
        position = end
      default: return
      }
    }
  }

  private func lineEnd(after start: Int) -> Int? {
    var index = start
    while index < bytes.count {
      let byte = bytes[index]
      if byte == 0x0A || byte == 0x0D { return index + 1 }
      index += 1
    }
    return nil
  }

  private func commentEnd(after start: Int) -> Int? {
    var index = start
    while index + 1 < bytes.count {
      if bytes[index] == UInt8(ascii: "*"), bytes[index + 1] == UInt8(ascii: "/") { return index + 2 }
      index += 1
    }
    return nil
  }

  private mutating func text() throws(SQLFault) -> SQLToken {
    var index = position + 1
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "'") else {
        index += 1
        continue
      }
      if byte(index + 1) == UInt8(ascii: "'") {
        index += 2
        continue
      }
      let range = position + 1..<index
      position = index + 1
      return .text(range)
    }
    throw SQLFault(.openText, at: position)
  }

  /// The longest of: `0`, digits without a leading zero and perhaps an `L`, digits with a point or an exponent.
  private mutating func number() throws(SQLFault) -> SQLToken {
    let digits = digitsEnd(from: position)
    var end = digits
    if byte(end) == UInt8(ascii: ".") {
      end = digitsEnd(from: end + 1)
      guard end > position + 1 else { throw SQLFault(.noToken, at: position) }
    }
    if let exponent = exponentEnd(from: end) { end = exponent }
    let first = position
    if end > digits {
      position = end
      return .float(first..<end)
    }
    if bytes[first] == UInt8(ascii: "0") {
      position = first + 1
      return .decimal(first..<first + 1)
    }
    position = digits
    if byte(digits) | 0x20 == UInt8(ascii: "l") { position += 1 }
    return .decimal(first..<digits)
  }

  private func digitsEnd(from start: Int) -> Int {
    var index = start
    while Self.isDigit(byte(index)) { index += 1 }
    return index
  }

  private func exponentEnd(from start: Int) -> Int? {
    guard byte(start) | 0x20 == UInt8(ascii: "e") else { return nil }
    var digits = start + 1
    if byte(digits) == UInt8(ascii: "+") || byte(digits) == UInt8(ascii: "-") { digits += 1 }
    let end = digitsEnd(from: digits)
    return end > digits ? end : nil
  }

  private mutating func word() -> SQLToken {
    var end = position + 1
    while Self.beginsName(byte(end)) || Self.isDigit(byte(end)) { end += 1 }
    let range = position..<end
    position = end
    return keyword(range) ?? .name(range)
  }

  private func keyword(_ range: Range<Int>) -> SQLToken? {
    switch range.count {
    case 2:
      if isWord(range, "in") { return .in }
      if isWord(range, "is") { return .is }
      if isWord(range, "or") { return .or }
    case 3:
      if isWord(range, "and") { return .and }
      if isWord(range, "not") { return .not }
    case 4:
      if isWord(range, "true") { return .yes }
      if isWord(range, "null") { return .null }
    case 5: if isWord(range, "false") { return .no }
    case 7: if isWord(range, "between") { return .between }
    default: break
    }
    return nil
  }

  /// Whether a range holds a word, in any case. `word` is in lower case and as long as the range.
  private func isWord(_ range: Range<Int>, _ word: StaticString) -> Bool {
    word.withUTF8Buffer { letters in
      for index in letters.indices where unsafe bytes[range.lowerBound + index] | 0x20 != letters[index] {
        return false
      }
      return true
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  private static func beginsName(_ byte: UInt8) -> Bool {
    let letter = byte | 0x20
    return letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z") || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: "$")
  }
}
