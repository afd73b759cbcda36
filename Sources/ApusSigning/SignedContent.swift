import ApusBase
package import ApusProtocol

/// What a request's signature is of: the values of its header fields in the order of their names, and its body. One for
/// each loop: its memory is used again for every request.
///
/// Left out are `Signature` itself and, as Java's broker does it, the mark of queries by unique key; a client that
/// signs that mark too is understood as well.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:acl/src/main/java/org/apache/rocketmq/acl/plain/PlainAccessResource.java
package struct SignedContent: Sendable {
  /// Where the fields stand in the request, in the order of their names.
  private var order: [Int16] = []

  /// Makes memory for headers of usual size.
  package init() { order.reserveCapacity(64) }

  /// Whether a request carries the signature that its content has with a key.
  package mutating func isSigned(_ request: borrowing Request, with key: SignatureKey) -> Bool {
    guard let signature = request.field("Signature") else { return false }
    sort(request)
    if self.signature(of: request, with: key, leavesOutMark: true).matches(signature) { return true }
    guard request.field("_UNIQUE_KEY_QUERY") != nil else { return false }
    return self.signature(of: request, with: key, leavesOutMark: false).matches(signature)
  }

  /// The signature that a request's content has with a key.
  package mutating func signature(of request: borrowing Request, with key: SignatureKey) -> Signature {
    sort(request)
    return signature(of: request, with: key, leavesOutMark: true)
  }

  private func signature(
    of request: borrowing Request, with key: SignatureKey, leavesOutMark: Bool
  ) -> Signature {
    var signing = Signing(key)
    for index in order {
      let name = request.fieldName(at: Int(index))
      if name.equals("Signature") || (leavesOutMark && name.equals("_UNIQUE_KEY_QUERY")) { continue }
      signing.feed(request.fieldValue(at: Int(index)))
    }
    signing.feed(request.body)
    return signing.end()
  }

  /// Binary insertion: clients send names nearly in order, and even a header made to be slow costs little. Of fields
  /// with the same name the last one counts.
  private mutating func sort(_ request: borrowing Request) {
    order.removeAll(keepingCapacity: true)
    for index in 0..<request.fieldCount {
      let name = request.fieldName(at: index)
      var (low, high) = (0, order.count)
      if high > 0, Self.compare(request.fieldName(at: Int(order[high - 1])), name) < 0 { low = high }
      var isReplaced = false
      while low < high {
        let middle = (low + high) / 2
        let result = Self.compare(request.fieldName(at: Int(order[middle])), name)
        if result == 0 {
          order[middle] = Int16(truncatingIfNeeded: index)
          isReplaced = true
          break
        }
        if result < 0 { low = middle + 1 } else { high = middle }
      }
      if !isReplaced { order.insert(Int16(truncatingIfNeeded: index), at: low) }
    }
  }

  /// Negative, zero or positive, by UTF-16 code units as Java compares texts: characters beyond the basic plane come
  /// before those from U+E000 on, unlike in UTF-8.
  static func compare(_ first: RawSpan, _ second: RawSpan) -> Int {
    let common = min(first.byteCount, second.byteCount)
    for offset in 0..<common {
      let (one, other) = (first.byte(at: offset), second.byte(at: offset))
      if one != other { return Int(rank(one)) - Int(rank(other)) }
    }
    return first.byteCount - second.byteCount
  }

  /// Where characters that begin with a byte of UTF-8 stand among the others.
  private static func rank(_ byte: UInt8) -> UInt16 {
    // 0xED begins U+D000…U+D7FF, 0xEE and 0xEF what lies behind the surrogates, 0xF0 and above the surrogates' own.
    byte >= 0xF0 ? UInt16(byte) : byte >= 0xEE ? UInt16(byte) + 0x100 : UInt16(byte)
  }
}
