import ApusBase

/// The order in which a Java hash map lists its keys, which is the order of properties in a message that a Java client
/// sends.
package enum JavaMapOrder {
  /// Pairs of key and value, given in the order of their insertion, in the order of the map. A key that is inserted
  /// again keeps its place and has its last value.
  package static func sorted(_ pairs: [(name: String, value: String)]) -> [(name: String, value: String)] {
    // A map doubles its 16 places when more than three quarters are taken.
    var capacity = 16
    while pairs.count * 4 > capacity * 3 { capacity *= 2 }
    var sorted: [(name: String, value: String)] = []
    var places: [Int] = []
    sorted.reserveCapacity(pairs.count)
    places.reserveCapacity(pairs.count)
    for pair in pairs {
      let hash = UInt32(bitPattern: JavaHash.hash(pair.name))
      let place = Int(hash ^ hash >> 16) & (capacity - 1)
      // Behind those of the same place: there are few pairs, and most come in order.
      var index = places.count
      while index > 0, places[index - 1] > place { index -= 1 }
      var same = index
      while same > 0, places[same - 1] == place, sorted[same - 1].name != pair.name { same -= 1 }
      if same > 0, places[same - 1] == place {
        sorted[same - 1].value = pair.value
      } else {
        places.insert(place, at: index)
        sorted.insert(pair, at: index)
      }
    }
    return sorted
  }
}
