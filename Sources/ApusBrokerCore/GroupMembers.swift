/// The connections of a group, in the order they came. Adding, removing and looking for one takes constant time on
/// average, so that a group of thousands may leave at once.
struct GroupMembers: Sendable {
  /// The connections, with gaps where one has left.
  private var places: [UInt64?] = []
  private var placeOf: [UInt64: Int] = [:]

  /// Whether there are none.
  var isEmpty: Bool { placeOf.isEmpty }

  /// All connections, in the order they came. Looks at each.
  var connections: [UInt64] { places.compactMap { $0 } }

  /// A connection joins, behind the others; one that is a member stays where it is.
  mutating func add(_ connection: UInt64) {
    guard placeOf[connection] == nil else { return }
    placeOf[connection] = places.count
    places.append(connection)
  }

  /// A connection leaves; one that is no member is no error.
  mutating func remove(_ connection: UInt64) {
    guard let place = placeOf.removeValue(forKey: connection) else { return }
    places[place] = nil
    if places.count > 16, places.count > 2 * placeOf.count { closeGaps() }
  }

  /// Takes time for each connection, and comes only after as many have left.
  private mutating func closeGaps() {
    places = places.filter { $0 != nil }
    for (place, connection) in places.enumerated() {
      if let connection { placeOf[connection] = place }
    }
  }
}
