public import ApusBase

/// From where administering requests are accepted: from this machine's own addresses and from the networks of setting
/// `adminAllow`.
public struct AdminAccess: Hashable, Sendable {
  /// The setting that lists networks, as refusals name it.
  public static let settingName = "adminAllow"

  private var own: Set<NetworkAddress>
  /// The networks that may administer.
  public var networks: [Network]

  /// Allows the given addresses of this machine, the loopback addresses and some networks.
  public init(ownAddresses: [HostAddress], networks: [Network] = []) {
    self.own = Set(ownAddresses.map { NetworkAddress($0) })
    self.networks = networks
  }

  /// Whether requests that administer are accepted from a peer. Its port does not matter.
  public func allows(_ peer: HostAddress) -> Bool {
    let address = NetworkAddress(peer)
    return address.isLoopback || own.contains(address) || networks.contains { $0.contains(address) }
  }
}

/// The addresses that share their first bits: `10.0.0.0/8`, `fd00::/8`, or a single address.
public struct Network: Hashable, Sendable, CustomStringConvertible {
  private var address: NetworkAddress
  private var prefix: Int
  private var isIPv4: Bool

  /// Reads `ADDRESS/BITS` or `ADDRESS`; bits behind the prefix do not matter. Nil for anything else, host names
  /// included.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let host = HostAddress(host: String(parts[0]), port: 0) else { return nil }
    let width = host.isIPv6 ? 128 : 32
    var bits = width
    if parts.count == 2 {
      let digits = parts[1]
      guard !digits.isEmpty, digits.utf8.count <= 3, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }),
        let number = Int(digits), number <= width
      else { return nil }
      bits = number
    }
    prefix = 128 - width + bits
    address = NetworkAddress(host).masked(prefix)
    isIPv4 = !host.isIPv6
  }

  /// Reads a list separated by commas, semicolons or spaces; empty for none. Throws for the first entry that is no
  /// network.
  public static func list(_ text: String) throws(DecodeError) -> [Network] {
    var networks: [Network] = []
    for entry in text.split(whereSeparator: { $0 == "," || $0 == ";" || $0.isWhitespace }) {
      guard let network = Network(String(entry)) else {
        throw DecodeError(
          field: AdminAccess.settingName, offset: text.utf8.distance(from: text.startIndex, to: entry.startIndex),
          reason: "\(entry) is not an address or ADDRESS/BITS")
      }
      networks.append(network)
    }
    return networks
  }

  /// Whether an address lies in the network.
  public func contains(_ host: HostAddress) -> Bool { contains(NetworkAddress(host)) }

  fileprivate func contains(_ candidate: NetworkAddress) -> Bool { candidate.masked(prefix) == address }

  /// `10.0.0.0/8`
  public var description: String {
    if isIPv4 {
      return "\(HostAddress(ipv4: UInt32(truncatingIfNeeded: address.low), port: 0).host)/\(prefix - 96)"
    }
    return "\(HostAddress(ipv6High: address.high, low: address.low, port: 0).host)/\(prefix)"
  }
}

/// An address without port, IPv4 as IPv4-mapped IPv6 (::ffff:a.b.c.d): a socket bound to `::` reports IPv4 peers in
/// that form.
private struct NetworkAddress: Hashable, Sendable {
  var high: UInt64
  var low: UInt64

  init(_ host: HostAddress) {
    high = host.high
    low = host.isIPv6 ? host.low : 0xFFFF_0000_0000 | host.low
  }

  var isLoopback: Bool { high == 0 && (low == 1 || low >> 24 == 0xFFFF_7F) }

  /// The address with everything behind the first `bits` bits cleared.
  func masked(_ bits: Int) -> NetworkAddress {
    var result = self
    result.high &= bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits))
    result.low &= bits >= 128 ? .max : bits <= 64 ? 0 : ~(UInt64.max >> UInt64(bits - 64))
    return result
  }
}
