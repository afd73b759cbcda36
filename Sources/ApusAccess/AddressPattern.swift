package import ApusModel

/// The addresses of `whiteRemoteAddress` and `globalWhiteRemoteAddresses`: peers that are asked for no signature.
///
/// | Form | Matches |
/// |---|---|
/// | blank | nobody |
/// | `*`, `*.*.*.*`, `*:*:*:*:*:*:*:*` | everybody |
/// | `1.2.3.4`, `fe80::1` | one address |
/// | `1.2.3.*`, `1.2.3.4-10`, `1.2.*.*` | each component within its range |
/// | `fe80::1:*`, `fe80:0:0:0:0:0:1:10-ff` | the same for groups of IPv6, in hexadecimal |
/// | `1.2.3.{4,7}`, `fe80::1:{a,b}` | the last component one of a list |
/// | forms separated by commas | one of them |
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:acl/src/main/java/org/apache/rocketmq/acl/plain/RemoteAddressStrategyFactory.java.
/// Deviations: every component counts, where Java ignores those behind the first range; ranges may stand in the first
/// component and in lists; IPv4 peers of an IPv6 socket match IPv4 patterns.
package struct AddressPattern: Hashable, Sendable {
  /// One address per component range: the first four lanes for IPv4, all eight for IPv6.
  private struct Box: Hashable, Sendable {
    var isIPv6: Bool
    var low: SIMD8<UInt16>
    var high: SIMD8<UInt16>
  }

  /// More patterns than anybody writes in one list.
  private static let boxLimit = 1024

  private var boxes: [Box] = []
  private var matchesAll = false

  /// The pattern that nobody matches.
  package init() {}

  /// Reads a pattern. Throws what is wrong with it.
  package init(_ text: String) throws(AddressPatternError) {
    let text = text.trimmingSpaces
    if ["*", "*.*.*.*", "*:*:*:*:*:*:*:*"].contains(text) {
      matchesAll = true
      return
    }
    guard !text.isEmpty else { return }
    for entry in try Self.entries(text) {
      guard entry != "*" else {
        matchesAll = true
        continue
      }
      for single in try Self.alternatives(entry) {
        guard boxes.count < Self.boxLimit else { throw AddressPatternError(text, "more than \(Self.boxLimit) entries") }
        boxes.append(try single.contains(":") ? Self.box6(single) : Self.box4(single))
      }
    }
  }

  /// Whether the pattern can match anybody.
  package var isEmpty: Bool { !matchesAll && boxes.isEmpty }

  /// Whether a peer's address matches. Its port does not matter.
  package func matches(_ peer: HostAddress) -> Bool {
    if matchesAll { return true }
    guard !boxes.isEmpty else { return false }
    let isMapped = peer.isIPv6 && peer.high == 0 && peer.low >> 32 == 0xFFFF
    let isIPv6 = peer.isIPv6 && !isMapped
    var components = SIMD8<UInt16>()
    if isIPv6 {
      for lane in 0..<4 {
        components[lane] = UInt16(truncatingIfNeeded: peer.high >> UInt64(48 - 16 * lane))
        components[lane + 4] = UInt16(truncatingIfNeeded: peer.low >> UInt64(48 - 16 * lane))
      }
    } else {
      for lane in 0..<4 { components[lane] = UInt16(peer.low >> UInt64(24 - 8 * lane) & 0xFF) }
    }
    for box in boxes where box.isIPv6 == isIPv6 {
      if all((components .>= box.low) .& (components .<= box.high)) { return true }
    }
    return false
  }

  // MARK: Reading

  /// The parts between commas that stand outside of braces.
  private static func entries(_ text: String) throws(AddressPatternError) -> [String] {
    var entries: [String] = []
    var current = ""
    var isInBraces = false
    for character in text {
      switch character {
      case "{" where !isInBraces: isInBraces = true
      case "}" where isInBraces: isInBraces = false
      case "{", "}": throw AddressPatternError(text, "braces do not match")
      case "," where !isInBraces:
        entries.append(current.trimmingSpaces)
        current = ""
        continue
      default: break
      }
      current.append(character)
    }
    guard !isInBraces else { throw AddressPatternError(text, "braces do not match") }
    entries.append(current.trimmingSpaces)
    guard !entries.contains("") else { throw AddressPatternError(text, "an entry of the list is empty") }
    return entries
  }

  /// `1.2.3.{4,5}` as `1.2.3.4` and `1.2.3.5`. Braces may stand for the last component only.
  private static func alternatives(_ entry: String) throws(AddressPatternError) -> [String] {
    guard let open = entry.firstIndex(of: "{") else { return [entry] }
    let head = entry[..<open]
    guard entry.hasSuffix("}"), head.hasSuffix(".") || head.hasSuffix(":") else {
      throw AddressPatternError(entry, "braces stand for the last component only")
    }
    let inner = entry[entry.index(after: open)...].dropLast()
    return inner.split(separator: ",", omittingEmptySubsequences: false).map { head + $0.trimmingSpaces }
  }

  private static func box4(_ text: String) throws(AddressPatternError) -> Box {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { throw AddressPatternError(text, "an IPv4 address has four components") }
    var box = Box(isIPv6: false, low: SIMD8(), high: SIMD8())
    for (lane, part) in parts.enumerated() {
      let range = try range(part, radix: 10, limit: 255, of: text)
      box.low[lane] = range.lowerBound
      box.high[lane] = range.upperBound
    }
    return box
  }

  private static func box6(_ text: String) throws(AddressPatternError) -> Box {
    let halves = text.splitOnce("::")
    var groups = halves.head.isEmpty ? [] : halves.head.split(separator: ":", omittingEmptySubsequences: false)
    if let tail = halves.tail {
      let rest = tail.isEmpty ? [] : tail.split(separator: ":", omittingEmptySubsequences: false)
      guard groups.count + rest.count < 8, !tail.contains("::") else {
        throw AddressPatternError(text, "an IPv6 address has eight groups and :: at most once")
      }
      groups += Array(repeating: "0", count: 8 - groups.count - rest.count) + rest
    }
    guard groups.count == 8 else { throw AddressPatternError(text, "an IPv6 address has eight groups") }
    var box = Box(isIPv6: true, low: SIMD8(), high: SIMD8())
    for (lane, group) in groups.enumerated() {
      let range = try range(group, radix: 16, limit: 0xFFFF, of: text)
      box.low[lane] = range.lowerBound
      box.high[lane] = range.upperBound
    }
    return box
  }

  /// `*`, `a-b` or a number.
  private static func range(
    _ part: Substring, radix: Int, limit: UInt16, of text: String
  ) throws(AddressPatternError) -> ClosedRange<UInt16> {
    let part = part.trimmingSpaces
    if part == "*" { return 0...limit }
    let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    var numbers: [UInt16] = []
    for end in ends {
      let isNumber = !end.isEmpty && end.utf8.count <= 4 && end.first != "+"
      guard isNumber, let number = UInt16(end, radix: radix), number <= limit else {
        throw AddressPatternError(text, "\(end.prefix(40)) is not a number up to \(String(limit, radix: radix))")
      }
      numbers.append(number)
    }
    guard let low = numbers.first, let high = numbers.last, low <= high else {
      throw AddressPatternError(text, "the range \(part) is empty")
    }
    return low...high
  }
}

/// A pattern that cannot be read.
package struct AddressPatternError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What stood there and what is wrong with it.
  package var description: String

  init(_ text: String, _ reason: String) { description = "the address \(text.prefix(80)) cannot be read: \(reason)" }
}

extension String {
  /// The text before and after the first occurrence of a separator; no tail when there is none.
  fileprivate func splitOnce(_ separator: String) -> (head: Substring, tail: Substring?) {
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(separator) {
        return (self[..<index], self[self.index(index, offsetBy: separator.count)...])
      }
      index = self.index(after: index)
    }
    return (self[...], nil)
  }
}
