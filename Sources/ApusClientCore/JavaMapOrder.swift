import ApusBase

/// The order in which a Java hash map lists its keys, which is the order of properties in a message that a Java client
/// sends.
package enum JavaMapOrder {
  /// The keys, given in the order of their insertion, in the order of the map.
  package static func sorted(_ keys: [String]) -> [String] {
    // A map doubles its 16 places when more than three quarters are taken.
    var capacity = 16
    while keys.count * 4 > capacity * 3 { capacity *= 2 }
    func place(_ key: String) -> Int {
      let hash = UInt32(bitPattern: JavaHash.hash(key))
      return Int(hash ^ hash >> 16) & (capacity - 1)
    }
    return keys.enumerated().map { (place($0.element), $0.offset, $0.element) }
      .sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
  }
}
