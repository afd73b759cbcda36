/// Finds timers by their keys: open addressing over their numbers, four bytes a place, at most half of them taken. Keys
/// stay with the timers and are asked for.
struct TimerKeyIndex: Sendable {
  private static let none = UInt32.max
  private var places: ContiguousArray<UInt32> = []
  private var count = 0

  private var mask: Int { places.count - 1 }

  func find(_ key: UInt64, _ keyOf: (UInt32) -> UInt64) -> UInt32? {
    guard !places.isEmpty else { return nil }
    var place = Int(truncatingIfNeeded: key) & mask
    while places[place] != Self.none {
      if keyOf(places[place]) == key { return places[place] }
      place = (place + 1) & mask
    }
    return nil
  }

  mutating func insert(_ id: UInt32, _ key: UInt64, _ keyOf: (UInt32) -> UInt64) {
    if (count + 1) * 2 > places.count { grow(keyOf) }
    count += 1
    put(id, key)
  }

  private mutating func put(_ id: UInt32, _ key: UInt64) {
    var place = Int(truncatingIfNeeded: key) & mask
    while places[place] != Self.none { place = (place + 1) & mask }
    places[place] = id
  }

  private mutating func grow(_ keyOf: (UInt32) -> UInt64) {
    let old = places
    places = ContiguousArray(repeating: Self.none, count: max(64, old.count * 2))
    for id in old where id != Self.none { put(id, keyOf(id)) }
  }

  mutating func remove(_ id: UInt32, _ key: UInt64, _ keyOf: (UInt32) -> UInt64) {
    var hole = Int(truncatingIfNeeded: key) & mask
    while places[hole] != id {
      precondition(places[hole] != Self.none, "timer \(id) has no place in the index")
      hole = (hole + 1) & mask
    }
    count -= 1
    // Those behind move up, unless that would put them before the place they begin to look at.
    var place = hole
    while true {
      place = (place + 1) & mask
      guard places[place] != Self.none else { break }
      let home = Int(truncatingIfNeeded: keyOf(places[place])) & mask
      if (place - home) & mask >= (place - hole) & mask {
        places[hole] = places[place]
        hole = place
      }
    }
    places[hole] = Self.none
  }
}
