import CPosix
import Glibc

/// An IPv4 or IPv6 address with a port, as the socket calls take it.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// The first eight bytes of an IPv6 address as a number; 0 for IPv4.
  package var high: UInt64
  /// The last eight bytes of an IPv6 address, or the four of an IPv4 address, as a number.
  package var low: UInt64
  /// The port; 0 lets the system choose one when bound.
  package var port: UInt16
  /// Whether it is an IPv6 address.
  package var isIPv6: Bool

  /// An IPv4 address, given as the number that its four bytes make in network order.
  package init(ipv4: UInt32, port: UInt16) {
    self.init(high: 0, low: UInt64(ipv4), port: port, isIPv6: false)
  }

  /// An IPv6 address, given as the two numbers that its bytes make in network order.
  package init(ipv6High high: UInt64, low: UInt64, port: UInt16) {
    self.init(high: high, low: low, port: port, isIPv6: true)
  }

  private init(high: UInt64, low: UInt64, port: UInt16, isIPv6: Bool) {
    self.high = high
    self.low = low
    self.port = port
    self.isIPv6 = isIPv6
  }

  init(_ address: apus_address) {
    self.init(high: address.high, low: address.low, port: address.port, isIPv6: address.is_ipv6 != 0)
  }

  var forCalls: apus_address {
    apus_address(high: high, low: low, port: port, is_ipv6: isIPv6 ? 1 : 0)
  }

  /// 127.0.0.1 with a port.
  package static func loopback(port: UInt16) -> SocketAddress { SocketAddress(ipv4: 0x7F00_0001, port: port) }

  /// Every IPv4 address of this machine, for binding.
  package static func any(port: UInt16) -> SocketAddress { SocketAddress(ipv4: 0, port: port) }

  /// Whether it leads to this machine only.
  package var isLoopback: Bool { isIPv6 ? high == 0 && low == 1 : low >> 24 == 127 }

  /// `127.0.0.1:9876` or `[::1]:9876`.
  package var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// The address without its port, as numbers.
  package var host: String {
    guard isIPv6 else { return "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)" }
    let groups = (0..<8).map { index in
      let half = index < 4 ? high : low
      return UInt16(truncatingIfNeeded: half >> UInt64(48 - 16 * (index % 4)))
    }
    // The longest run of two or more zero groups is left out, the first of equals (RFC 5952).
    var best = 0..<0
    var start = 0
    while start < 8 {
      let end = groups[start...].firstIndex { $0 != 0 } ?? 8
      if end - start > max(best.count, 1) { best = start..<end }
      start = max(end, start + 1)
    }
    func text(_ part: some Sequence<UInt16>) -> String {
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard !best.isEmpty else { return text(groups) }
    return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
  }

  /// The parts of `HOST:PORT`; nil when there is no host, or no port from 1 to 65535.
  package static func parts(of text: String) -> (host: String, port: UInt16)? {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")), colon > text.startIndex,
      let port = UInt16(text[text.utf8.index(after: colon)...]), port > 0
    else { return nil }
    return (String(text[..<colon]), port)
  }

  /// The addresses of a host name or of an address in text, IPv4 first, with the port given. Asks DNS and therefore
  /// waits: not for an event loop. Throws when there is none.
  package static func resolve(_ host: String, port: UInt16, forBinding: Bool = false) throws(SystemError)
    -> [SocketAddress]
  {
    var found = [apus_address](repeating: apus_address(), count: 16)
    let name = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    let capacity = Int32(found.count)
    let count = unsafe apus_resolve(name, forBinding ? 1 : 0, &found, capacity)
    if count <= -1000 {
      let reason = unsafe String(cString: apus_resolve_error(count))
      throw SystemError(errno: EADDRNOTAVAIL, operation: "resolve \(host)", reason: reason)
    }
    try Syscall.check(count, "resolve \(host)")
    guard count > 0 else { throw SystemError(errno: EADDRNOTAVAIL, operation: "resolve \(host)") }
    let addresses = found[..<Int(count)].map { address in
      var result = SocketAddress(address)
      result.port = port
      return result
    }
    return addresses.filter { !$0.isIPv6 } + addresses.filter(\.isIPv6)
  }

  /// The addresses of this machine's interfaces that are up, with port 0.
  package static func own() throws(SystemError) -> [SocketAddress] {
    var found = [apus_address](repeating: apus_address(), count: 256)
    let capacity = Int32(found.count)
    let count = try unsafe Syscall.check(apus_own_addresses(&found, capacity), "getifaddrs")
    return found[..<Int(count)].map { SocketAddress($0) }
  }
}
