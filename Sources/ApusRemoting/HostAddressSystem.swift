package import ApusModel
package import ApusSystem

extension HostAddress {
  /// The same address in the wire's type.
  package init(_ address: SocketAddress) {
    if address.isIPv6 {
      self.init(ipv6High: address.high, low: address.low, port: Int32(address.port))
    } else {
      self.init(ipv4: UInt32(truncatingIfNeeded: address.low), port: Int32(address.port))
    }
  }
}

extension SocketAddress {
  /// The same address for socket calls; of the port the lowest 16 bits.
  package init(_ address: HostAddress) {
    let port = UInt16(truncatingIfNeeded: address.port)
    if address.isIPv6 {
      self.init(ipv6High: address.high, low: address.low, port: port)
    } else {
      self.init(ipv4: UInt32(truncatingIfNeeded: address.low), port: port)
    }
  }
}
