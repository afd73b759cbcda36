public import ApusBase

/// An IPv4 or IPv6 address with a port: who made a message (born host), which broker stored it (store host), a peer.
///
/// | Offset | Bytes | Type | Field |
/// |---|---|---|---|
/// | 0 | 4 or 16 | bytes | address in network order |
/// | 4 or 16 | 4 | i32 big-endian | port |
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/message/MessageExt.java
/// (`socketAddress2ByteBuffer`). The port is 32 bits wide on disk and kept as read, so that every record can be written
/// back.
@frozen
public struct HostAddress: Hashable, Sendable, CustomStringConvertible {
  /// The first eight bytes of an IPv6 address as a number; 0 for IPv4.
  public let high: UInt64
  /// The last eight bytes of an IPv6 address, or the four of an IPv4 address, as a number.
  public let low: UInt64
  /// The port; 0…65535 unless a record from elsewhere says otherwise.
  public let port: Int32
  /// Whether the address takes 16 bytes rather than 4.
  public let isIPv6: Bool

  /// An IPv4 address, given as the number that its four bytes make in network order.
  @inlinable
  public init(ipv4: UInt32, port: Int32) {
    self.high = 0
    self.low = UInt64(ipv4)
    self.port = port
    self.isIPv6 = false
  }

  /// An IPv6 address, given as the two numbers that its bytes make in network order.
  @inlinable
  public init(ipv6High high: UInt64, low: UInt64, port: Int32) {
    self.high = high
    self.low = low
    self.port = port
    self.isIPv6 = true
  }

  /// 127.0.0.1 with a port.
  @inlinable
  public static func loopback(port: Int32) -> HostAddress { HostAddress(ipv4: 0x7F00_0001, port: port) }

  /// How many bytes the stored form takes: 8 or 20.
  @inlinable public var byteCount: Int { isIPv6 ? 20 : 8 }

  /// How many bytes the stored form takes.
  @inlinable
  public static func byteCount(isIPv6: Bool) -> Int { isIPv6 ? 20 : 8 }

  /// Reads the stored form at `offset`, which must leave room for it: out of range traps.
  @inlinable
  public init(_ bytes: RawSpan, at offset: Int, isIPv6: Bool) {
    if isIPv6 {
      self.init(
        ipv6High: bytes.loadBigEndian(at: offset, as: UInt64.self),
        low: bytes.loadBigEndian(at: offset + 8, as: UInt64.self),
        port: bytes.loadBigEndian(at: offset + 16, as: Int32.self))
    } else {
      self.init(
        ipv4: bytes.loadBigEndian(at: offset, as: UInt32.self),
        port: bytes.loadBigEndian(at: offset + 4, as: Int32.self))
    }
  }

  /// Writes the stored form to memory that has room for `byteCount` bytes.
  @inlinable
  @unsafe
  public func encode(to target: UnsafeMutableRawPointer) {
    if isIPv6 {
      unsafe target.storeBytes(of: high.bigEndian, as: UInt64.self)
      unsafe target.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
      unsafe target.storeBytes(of: port.bigEndian, toByteOffset: 16, as: Int32.self)
    } else {
      unsafe target.storeBytes(of: UInt32(truncatingIfNeeded: low).bigEndian, as: UInt32.self)
      unsafe target.storeBytes(of: port.bigEndian, toByteOffset: 4, as: Int32.self)
    }
  }

  /// Appends the stored form.
  public func encode(into writer: inout ByteWriter) {
    if isIPv6 {
      writer.write(high)
      writer.write(low)
    } else {
      writer.write(UInt32(truncatingIfNeeded: low))
    }
    writer.write(port)
  }

  /// The address without its port, as Java's `getHostAddress` writes it: `10.0.0.1`, or eight hexadecimal groups
  /// without leading zeroes and without `::`.
  public var host: String {
    if !isIPv6 {
      return "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)"
    }
    return (0..<8).map { group in
      let half = group < 4 ? high : low
      return String(half >> UInt64(48 - 16 * (group % 4)) & 0xFFFF, radix: 16)
    }.joined(separator: ":")
  }

  /// `10.0.0.1:10911`, or `[fe80:0:0:0:0:0:0:1]:10911`.
  public var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension HostAddress {
  /// Reads `1.2.3.4:80`, `[::1]:80` or, as Java writes it, `0:0:0:0:0:0:0:1:80`. Names are not looked up. The port must
  /// be 0…65535. Nil when the text is anything else.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    var host = text[..<colon]
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let port = UInt16(digits) else {
      return nil
    }
    if host.hasPrefix("[") {
      guard host.hasSuffix("]") else { return nil }
      host = host.dropFirst().dropLast()
    }
    self.init(host: String(host), port: Int32(port))
  }

  /// Reads an address without port in dotted or hexadecimal form, `::` included. Nil for a name.
  public init?(host: String, port: Int32) {
    if let ipv4 = Self.dotted(host[...]) {
      self.init(ipv4: ipv4, port: port)
    } else if let (high, low) = Self.groups(of: host[...]) {
      self.init(ipv6High: high, low: low, port: port)
    } else {
      return nil
    }
  }

  private static func dotted(_ text: Substring) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var number: UInt32 = 0
    for part in parts {
      guard part.utf8.count <= 3, part.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let byte = UInt8(part) else {
        return nil
      }
      number = number << 8 | UInt32(byte)
    }
    return number
  }

  private static func groups(of text: Substring) -> (UInt64, UInt64)? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count >= 3, parts.count <= 9 else { return nil }
    var front: [UInt16] = []
    var back: [UInt16] = []
    var sawGap = false
    for (position, part) in parts.enumerated() {
      if part.isEmpty {
        // `::` yields one empty part inside, two at an end.
        let isEdge = position == 0 || position == parts.count - 1
        if isEdge {
          let neighbour = position == 0 ? 1 : parts.count - 2
          guard parts[neighbour].isEmpty else { return nil }
          continue
        }
        guard !sawGap else { return nil }
        sawGap = true
      } else {
        guard part.utf8.count <= 4, part.first != "+", part.first != "-", let group = UInt16(part, radix: 16) else {
          return nil
        }
        if sawGap { back.append(group) } else { front.append(group) }
      }
    }
    let count = front.count + back.count
    guard sawGap ? count < 8 : count == 8 else { return nil }
    let all = front + Array(repeating: 0, count: 8 - count) + back
    var numbers: (UInt64, UInt64) = (0, 0)
    for group in all[..<4] { numbers.0 = numbers.0 << 16 | UInt64(group) }
    for group in all[4...] { numbers.1 = numbers.1 << 16 | UInt64(group) }
    return numbers
  }
}
