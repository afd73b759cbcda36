import ApusModel

/// One key of a broker's configuration file: what may stand there, what counts when nothing does, and when a change
/// takes effect.
package struct SettingKey: Sendable {
  /// What may stand as a value.
  enum Kind: Sendable {
    /// `true` or `false`, in any case.
    case boolean
    /// A whole number within a range.
    case integer(ClosedRange<Int64>)
    /// Any text.
    case text
    /// One of some words.
    case choice([String])
    /// Hours of the day, 00 to 23, separated by semicolons.
    case hours
    /// Networks as ``ApusModel/Network/list(_:)`` reads them.
    case networks
    /// Addresses of servers, separated by semicolons.
    case servers

    /// A 32-bit number that is not negative.
    static var int: Kind { .integer(0...Int64(Int32.max)) }
    /// A 64-bit number that is not negative.
    static var long: Kind { .integer(0...Int64.max) }
  }

  /// What counts when the file says nothing.
  enum Standard: Sendable, ExpressibleByStringLiteral {
    /// A fixed value.
    case fixed(String)
    /// Nothing: the key is not shown until it is set.
    case none
    /// Derived from the machine.
    case cores, atMostFour, sixteenAndTwiceCores, eightAndCores, atMostThirtyTwo, endTransactions
    case home, address, host, storeRoot, nameServers

    init(stringLiteral value: String) { self = .fixed(value) }

    func value(on machine: BrokerSettings.Machine) -> String? {
      switch self {
      case .fixed(let value): value
      case .none: nil
      case .cores: "\(machine.cores)"
      case .atMostFour: "\(min(machine.cores, 4))"
      case .sixteenAndTwiceCores: "\(16 + machine.cores * 2)"
      case .eightAndCores: "\(8 + machine.cores)"
      case .atMostThirtyTwo: "\(min(machine.cores, 32))"
      case .endTransactions: "\(max(8 + machine.cores * 2, min(machine.cores, 4) * 4))"
      case .home: machine.rocketmqHome
      case .address: machine.address
      case .host: machine.hostName
      case .storeRoot: machine.storeRoot
      case .nameServers: machine.nameServers
      }
    }
  }

  /// When a changed value counts.
  package enum Effect: Sendable {
    /// As soon as it is set.
    case live
    /// At the next start.
    case start
    /// Never: the key belongs to something that works differently here. It is accepted and shown, so that files and
    /// tools go on working.
    case none
  }

  /// The key.
  package let name: String
  let kind: Kind
  let standard: Standard
  /// When a changed value counts.
  package let effect: Effect

  init(_ name: String, _ kind: Kind, _ standard: Standard, _ effect: Effect = .none) {
    self.name = name
    self.kind = kind
    self.standard = standard
    self.effect = effect
  }

  /// Every key, in the order in which Java shows them: broker, network, store, and then our own.
  package static let all: [SettingKey] = broker + network + store + apus
  /// The keys by name.
  static let byName: [String: SettingKey] = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// What a value for this key must be, for people.
  var range: String {
    switch kind {
    case .boolean: "true or false"
    case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .text: "a text"
    case .choice(let words): words.joined(separator: " or ")
    case .hours: "hours from 00 to 23 separated by ;"
    case .networks: "a list of ADDRESS/BITS separated by commas"
    case .servers: Self.serversRange
    }
  }

  /// Whether `value` may stand for this key.
  func accepts(_ value: String) -> Bool {
    switch kind {
    case .boolean: value.lowercased() == "true" || value.lowercased() == "false"
    case .integer(let range): Int64(value).map(range.contains) ?? false
    case .text: !value.utf8.contains { $0 < 0x20 }
    case .choice(let words): words.contains(value)
    case .hours: Self.areHours(value)
    case .networks: Self.areNetworks(value)
    case .servers: Self.areServers(value)
    }
  }

  /// Whether a value is one hour of the day or several. As in Java, the last may have a semicolon behind it.
  private static func areHours(_ value: String) -> Bool {
    let hours = value.utf8.split(separator: UInt8(ascii: ";"))
    return !hours.isEmpty
      && hours.allSatisfy { hour in Int(String(decoding: hour, as: UTF8.self)).map { (0...23).contains($0) } ?? false }
  }

  /// What a list of servers must be, for people.
  static let serversRange = "a list of HOST:PORT separated by ;"

  /// Whether each part between semicolons names a server, or nothing. Names are not looked up.
  static func areServers(_ value: String) -> Bool {
    value.utf8.split(separator: UInt8(ascii: ";")).allSatisfy { part in
      let words = part.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      guard let server = words.first else { return true }
      // A list as other systems write it would be one host of that name, and so would the address of a page.
      guard words.count == 1, !server.contains(UInt8(ascii: ",")), !server.contains(UInt8(ascii: "/")),
        let colon = server.lastIndex(of: UInt8(ascii: ":")), colon > server.startIndex
      else { return false }
      return UInt16(String(decoding: server[server.index(after: colon)...], as: UTF8.self)).map { $0 > 0 } ?? false
    }
  }

  private static func areNetworks(_ value: String) -> Bool {
    do {
      _ = try Network.list(value)
      return true
    } catch {
      return false
    }
  }
}
